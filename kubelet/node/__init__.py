"""This machine as a Node: what it is, how it registers, how it shows that it lives, how it sleeps and leaves.

`registry sleep` are pure; the others move bytes. What a Node and a Lease look like is `kubelet.model`'s.
"""
