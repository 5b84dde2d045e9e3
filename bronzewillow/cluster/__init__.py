"""Following a cluster: its objects are watched, an adapter says what they mean, what it wants is published.

watched       which kinds each CNI's adapter reads (pure)
pods          Pod objects as adapters and policies see them (pure)
observer      a copy of those objects, and what we may not read
publishing    which write comes next, if any (pure)
publisher     carries the writes out, again after somebody else's edit
follower      puts them together: objects -> ClusterNetwork -> the agent
"""
