"""The container runtime, over CRI: `client` has its calls, `lifecycle` says when to look, `observing` what
was seen, and `sandbox_config` and `container_config` say in CRI's words what a pod asks for."""
