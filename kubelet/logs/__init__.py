"""What containers of this machine have written, read without an API server: `llm-kubelet logs`.

choice   which pod, container and run of it is meant, among all that the runtime has (pure)
cli      the verb
"""
