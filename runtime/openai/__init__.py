"""OpenAI's HTTP API on top of an engine."""
