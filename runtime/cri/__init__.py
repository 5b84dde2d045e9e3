"""llm-containerd: the Container Runtime Interface over models' servers. Begin with `pods.py`.

A pod sandbox is an address and a shim; a container is a process of runm in it. What only containers on Linux
can have is refused, in `refusals.py`.
"""
