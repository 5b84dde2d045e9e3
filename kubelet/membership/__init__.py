"""Becoming a node of a cluster, and ceasing to be one: the verbs `join` and `leave`, and what is on disk.

`setup` (what an administrator applies) is pure.
"""
