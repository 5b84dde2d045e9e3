"""Static pods: a folder of manifests is what runs on this node, without any cluster.

`folder` reads, `manifest` understands, `decide` compares with what is observed (pure), `runner` acts.
"""
