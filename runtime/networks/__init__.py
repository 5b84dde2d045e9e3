"""The runtime's side of CNI: plugins are executed, one after another, and their results kept.

Source: the CNI specification, sections 1 to 3 and appendix. Begin with `network.py`.
"""
