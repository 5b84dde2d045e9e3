"""What goes wrong in streams, and whose fault it is."""

from __future__ import annotations

from runtime.refusal import Refusal


class ProtocolError(Exception):
    """The peer's bytes are not what the protocol allows; its connection ends."""


class StreamReset(ConnectionError):
    """The peer has given up one stream; the connection goes on."""


class CallFailed(Refusal):
    """What was called for cannot be done: one line for whoever called."""
