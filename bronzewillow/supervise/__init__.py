"""`bronzewillow up`: the programs of a node, started, restarted, their lines in one log, ended in order.

They are programs like any other: found by name, ready when they say so, ended by SIGTERM.
"""
