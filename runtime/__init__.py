"""The runtime: LLM images and `runm`, which serves a model through llama.cpp with OpenAI's API."""
