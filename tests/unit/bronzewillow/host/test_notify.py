"""What a supervisor hears."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from bronzewillow.host.notify import notify, tell_ready


def heard(path: str, say: object, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind("\0" + path[1:] if path.startswith("@") else path)
        supervisor.setblocking(False)
        assert callable(say)
        say()
        return supervisor.recv(100)


def test_ready_is_a_line_and_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert heard(str(tmp_path / "n"), tell_ready, monkeypatch) == b"READY=1"
    assert capsys.readouterr() == ("", "ready\n")


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_an_abstract_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"@bronzewillow-test-{os.getpid()}"  # the namespace is the whole machine's
    assert heard(path, lambda: notify("STOPPING=1"), monkeypatch) == b"STOPPING=1"


def test_nobody_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("READY=1")
    assert capsys.readouterr() == ("", "")
