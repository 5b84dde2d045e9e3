"""NetworkPolicy (networking.k8s.io/v1) for this node's pods: objects in, verdicts out. Pure.

Nobody else enforces it here, as no CNI's agent runs on this node. `world.py` is what is known, `compile.py`
makes one `PodRules` of it for each of our pods, `rules.py` decides on a connection, `enforcer.py` counts what
was decided, `explain.py` says why.
"""
