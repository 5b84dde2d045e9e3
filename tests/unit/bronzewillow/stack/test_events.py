from __future__ import annotations

import dataclasses

import pytest

from bronzewillow.stack.events import Closed, DataReceived
from bronzewillow.testing.script import Scripted


def test_events_are_delivered_once_and_in_order() -> None:
    s = Scripted()
    s.script("""
        listen
        < S 0:0(0)
        ignore
        < FP. 1:11(10) ack 1
        ignore
        events Accepted DataReceived PeerClosed
        events
    """)
    assert s.stack.events() == []


def test_events_are_values() -> None:
    s = Scripted()
    s.script("connect\nignore")
    event = DataReceived(s.c, b"x")
    assert event == DataReceived(s.c, b"x") != DataReceived(s.c, b"y")
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.data = b""  # type: ignore[misc]


def test_closed_comes_exactly_once_whatever_ends_it() -> None:
    for ending in ("abort", "close\n< R. 0:0(0) ack 1", "< R. 0:0(0) ack 1\nabort", "+300s ignore\nclose"):
        s = Scripted()
        s.script(f"connect\nignore\n{ending}\nignore\n+300s ignore")
        assert sum(isinstance(event, Closed) for event in s.event_log) == 1, ending
