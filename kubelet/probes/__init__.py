"""Probes and hooks: one attempt each, dialled through the pod network as clients of the pod do (`door`)."""
