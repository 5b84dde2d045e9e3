"""ttrpc: protobuf calls on unix sockets, as containerd and its shims make them. Unary calls only.

Source: github.com/containerd/ttrpc, PROTOCOL.md.
"""
