from __future__ import annotations

from runtime.refusal import Refusal
from runtime.streaming.errors import CallFailed, ProtocolError, StreamReset


def test_whose_fault_it_is() -> None:
    assert issubclass(StreamReset, ConnectionError), "it ends like any connection"
    assert issubclass(CallFailed, Refusal) and not issubclass(ProtocolError, Refusal)
