"""A pod's volumes as folders of this node: `pod_volumes` sets them up, keeps them fresh and takes them away.

There is no mount namespace: the runtime gives a process the folder itself in place of the container's path.
"""
