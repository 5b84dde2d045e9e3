"""Engines: what turns a request into tokens. `interface` is the contract, each other module one way to keep
it.
"""
