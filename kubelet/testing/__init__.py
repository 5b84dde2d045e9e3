"""A node on virtual time, for tests: machines of pods over a simulated runtime and a simulated API server."""
