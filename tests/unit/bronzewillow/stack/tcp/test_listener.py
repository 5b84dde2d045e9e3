from __future__ import annotations

from bronzewillow.stack.tcp.listener import Listener


def test_close_tells_its_stack() -> None:
    told: list[Listener] = []
    listener = Listener(80, 5, told.append)
    assert (listener.port, listener.backlog, listener.half_open) == (80, 5, {})
    listener.close()
    assert told == [listener]


def test_it_admits_everybody_unless_it_is_told_whom() -> None:
    assert Listener(80, 5, lambda _: None).admits is None
    listener = Listener(80, 5, lambda _: None, lambda peer: peer == b"\x0a\x00\x00\x01")
    assert listener.admits is not None
    assert [listener.admits(bytes((10, 0, 0, last))) for last in (1, 2)] == [True, False]
