"""Models that can be had without a registry."""
