"""Go text/template as Ollama's images use it: from a conversation to the text of a prompt."""
