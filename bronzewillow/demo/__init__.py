"""The main job on one machine: a model node and a cluster side that speak VXLAN over UDP on 127.0.0.1."""
