"""A machine becomes a node, and ceases to be one: `bronzewillow join` and `leave`, around llm-kubelet's own.

join_verb        joins, then starts the node
leave_verb       becomes `llm-kubelet leave`
withdraw_verb    what that calls to take the node out of the cluster's network
logs_verb        becomes `llm-kubelet logs`
kubelet_program  llm-kubelet as a process
"""
