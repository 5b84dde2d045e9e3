"""The CNI plugin: verbs, addresses, leases. Read first: CNI specification 1.1, sections 2 and 4.

A lease on disk is the truth: the plugin writes it, the agent brings its address to life, now and after every
start. The two share nothing else but the control socket.
"""
