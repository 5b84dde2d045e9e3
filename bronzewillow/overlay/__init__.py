"""The VTEP: who the peers are, what is theirs to say, and how a packet reaches them. Pure."""
