from __future__ import annotations

import pytest

from bronzewillow.stack.errors import (
    ConnectionRefused,
    ConnectionResetByPeer,
    ConnectionTimedOut,
    LocalError,
    RemoteError,
    StackError,
)
from bronzewillow.stack.events import Reset
from bronzewillow.testing.script import Scripted


@pytest.mark.parametrize("kind", [ConnectionRefused, ConnectionResetByPeer, ConnectionTimedOut])
def test_whose_fault_it_was(kind: type[RemoteError]) -> None:
    assert issubclass(kind, RemoteError) and not issubclass(kind, LocalError)
    assert issubclass(LocalError, StackError) and issubclass(RemoteError, StackError)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("connect\nignore\n< R. 0:0(0) ack 1", ConnectionRefused),
        ("connect\nignore\n< S. 0:0(0) ack 1\nignore\n< R 1:1(0)", ConnectionResetByPeer),
        ("connect\nignore\n+300s ignore", ConnectionTimedOut),
    ],
)
def test_each_end_has_its_error(script: str, kind: type[RemoteError]) -> None:
    s = Scripted()
    s.script(script)
    (reset,) = (event for event in s.event_log if isinstance(event, Reset))
    assert type(reset.error) is kind
