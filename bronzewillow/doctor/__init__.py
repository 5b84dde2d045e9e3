"""`bronzewillow doctor`: what stands in the way of this machine being a node, each with its cure."""
