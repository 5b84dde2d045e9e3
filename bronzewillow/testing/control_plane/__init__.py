"""A real control plane on loopback: etcd and the three programs of Kubernetes, as processes."""
