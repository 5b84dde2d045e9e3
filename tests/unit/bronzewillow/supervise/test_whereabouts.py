from __future__ import annotations

import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bronzewillow.host.paths import control_socket
from bronzewillow.supervise.whereabouts import note_socket, noted_socket, up_lock


def test_a_session_with_another_runtime_folder_finds_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    with TemporaryDirectory(prefix="bw") as folder, socket.socket(socket.AF_UNIX) as server:
        monkeypatch.setenv("XDG_STATE_HOME", folder)
        for name in ("a", "b"):
            Path(folder, name).mkdir(mode=0o700)  # else it is no runtime folder
        monkeypatch.setenv("XDG_RUNTIME_DIR", f"{folder}/a")
        note_socket()  # without a folder it is not noted, and that is all
        assert noted_socket() is None
        up_lock().parent.mkdir(parents=True)
        note_socket()
        place = control_socket()
        place.parent.mkdir()
        server.bind(str(place))
        monkeypatch.setenv("XDG_RUNTIME_DIR", f"{folder}/b")
        assert noted_socket() == place
        place.unlink()
        assert noted_socket() is None


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a\0b"])
def test_what_nobody_noted_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    up_lock().parent.mkdir(parents=True)
    up_lock().write_bytes(content)
    assert noted_socket() is None
