"""The shell around the pure network: socket, clock, transports, control API, metrics, composition.

It moves data and arms one timer. A decision in here is in the wrong place.
"""
