"""One pod's TCP/IP on virtual time: packets and `now` go in, packets and events come out.

Read `stack.py` for the verbs, `tcp/__init__.py` for the map of TCP.
"""

from bronzewillow.stack.config import StackConfig, TcpConfig
from bronzewillow.stack.errors import LocalError, RemoteError, StackError
from bronzewillow.stack.events import (
    Accepted,
    Closed,
    Connected,
    DataReceived,
    Event,
    PeerClosed,
    Reset,
    Writable,
)
from bronzewillow.stack.stack import Stack
from bronzewillow.stack.tcp.connection import Connection
from bronzewillow.stack.tcp.listener import Listener
from bronzewillow.stack.tcp.state import State

__all__ = [
    "Accepted",
    "Closed",
    "Connected",
    "Connection",
    "DataReceived",
    "Event",
    "Listener",
    "LocalError",
    "PeerClosed",
    "RemoteError",
    "Reset",
    "Stack",
    "StackConfig",
    "StackError",
    "State",
    "TcpConfig",
    "Writable",
]
