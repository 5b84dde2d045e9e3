"""`runm`: what runs a model."""
