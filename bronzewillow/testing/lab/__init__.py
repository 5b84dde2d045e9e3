"""A network of namespaces on one Linux machine: a worker node with the kernel's VXLAN, and a Mac's stand-in.

    pod1, pod2 --- worker (kernel VXLAN) --- [net (relay)] --- mac (agent and runm, as nobody)

`plan` says what it looks like, `topology` builds it, `node` runs the product in it, `relay` impairs it, and
`janitor` takes it down whatever happens. Linux and root only; imported by tests/lab.
"""
