"""runm as an OCI runtime: bundles in, processes and their state out. Begin with `lifecycle.py`.

Source: the OCI runtime specification, config.md and runtime.md. There is no container around the process:
what of a bundle means one on Linux (namespaces, mounts, capabilities) is not looked at.
"""
