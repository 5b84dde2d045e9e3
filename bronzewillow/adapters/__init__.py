"""CNIs: from a cluster's objects to the overlay that this node is to join, and to what it must publish. Pure.

`network.py` has the words: what goes in (`Cluster`, `Us`) and what comes out (`ClusterNetwork`). Each CNI is
one module with one function, `adapt(cluster, us)`; `detect.py` says which CNI a cluster runs.
"""
