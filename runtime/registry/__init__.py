"""The client of registries; begin with `client.py`. Source: OCI distribution specification 1.1."""
