"""What an LLM image is made of, as pure values: names, manifests, parameters, Modelfiles."""
