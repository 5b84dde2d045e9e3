"""A Kubernetes API server in memory, over HTTPS: what our programs are tested against without a cluster."""
