from __future__ import annotations

from bronzewillow.stack.tcp.listener import Listener


def test_close_tells_its_stack() -> None:
    told: list[Listener] = []
    listener = Listener(80, 5, told.append)
    assert (listener.port, listener.backlog, listener.half_open) == (80, 5, {})
    listener.close()
    assert told == [listener]
