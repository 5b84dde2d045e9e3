"""Kubernetes as all of our programs see it; all objects are plain JSON, so that no unknown field is lost.

    access         who we are and where the API server is  <- kubeconfig, exec_plugin, identity
    client         verbs on resources, over HTTPS          <- pools, tls, resources, errors
    reflector      a copy of a set of objects, kept true   <- listwatch, cache, backoff (pure)

Begin with `reflector.py`.
"""
