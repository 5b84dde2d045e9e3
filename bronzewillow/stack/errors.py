"""Whose fault it was: ours (LocalError) or the other side's (RemoteError)."""

from __future__ import annotations


class StackError(Exception):
    """The base of what a Stack raises or reports."""


class LocalError(StackError):
    """Our caller misused the interface: a port in use, data after shutdown, no free port."""


class RemoteError(StackError):
    """What ended a connection from outside; carried by a `Reset` event, never raised by `receive`."""


class ConnectionRefused(RemoteError):
    """The peer answered our SYN with a RST, or with an ICMP error that RFC 9293 3.9.2.2 calls hard."""


class ConnectionResetByPeer(RemoteError):
    """The peer sent an acceptable RST."""


class ConnectionTimedOut(RemoteError):
    """The peer did not acknowledge within the user timeout (RFC 9293 3.8.3, R2)."""
