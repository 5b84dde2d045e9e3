"""What a Stack tells its owner. Each event is delivered once, in the order in which it happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bronzewillow.stack.errors import RemoteError
    from bronzewillow.stack.tcp.connection import Connection
    from bronzewillow.stack.tcp.listener import Listener


@dataclass(frozen=True, slots=True)
class Accepted:
    """A passive open has reached ESTABLISHED."""

    connection: Connection
    listener: Listener


@dataclass(frozen=True, slots=True)
class Connected:
    """An active open has reached ESTABLISHED."""

    connection: Connection


@dataclass(frozen=True, slots=True)
class DataReceived:
    """The next bytes of the stream; the receive window stays smaller until they are consumed."""

    connection: Connection
    data: bytes


@dataclass(frozen=True, slots=True)
class PeerClosed:
    """The peer's FIN was reached: no more data will come."""

    connection: Connection


@dataclass(frozen=True, slots=True)
class Writable:
    """`send` took less than it was given earlier, and has room again."""

    connection: Connection


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection ended in an error; `Closed` follows."""

    connection: Connection
    error: RemoteError


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection does no more for its owner: the last event of every connection.

    After an orderly close it comes once our FIN is acknowledged and the peer's has arrived, so TIME-WAIT
    still lives on inside the stack.
    """

    connection: Connection


Event = Accepted | Connected | DataReceived | PeerClosed | Writable | Reset | Closed
