"""Folders for sockets, and files for their owner alone."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bronzewillow.host import paths
from bronzewillow.host.paths import (
    MAX_SOCKET_PATH_BYTES,
    control_socket,
    make_private,
    open_private,
    prepare_socket_folder,
    runtime_folder,
)


def test_the_control_socket_stands_in_the_users_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert control_socket() == runtime_folder() / "agent.sock"
    assert runtime_folder().name == "bronzewillow"
    assert len(os.fsencode(control_socket())) <= MAX_SOCKET_PATH_BYTES or len(str(tmp_path)) > 60


def test_outside_a_login_session_nothing_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert runtime_folder().is_absolute()  # a warning would be an error here


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    socket_path = tmp_path / "a" / "b" / "agent.sock"
    for _ in range(2):
        prepare_socket_folder(socket_path)
        assert stat.S_IMODE(socket_path.parent.stat().st_mode) == 0o700


def test_what_is_missing_above_a_folder_is_private_too(tmp_path: Path) -> None:
    for _ in range(2):
        make_private(tmp_path / "a" / "b" / "c")
    for name in ("a", "a/b", "a/b/c"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        make_private(tmp_path / "file")


def test_nobody_else_enters_the_state_folder_and_other_folders_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "state_folder", lambda: tmp_path / "state")
    for folder in (tmp_path / "state", tmp_path / "other"):
        folder.mkdir()
        folder.chmod(0o777)
        make_private(folder / "cri")
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "other").stat().st_mode) == 0o777


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o701, 0o777])
def test_a_folder_that_lets_others_in_is_refused_and_left_alone(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(ValueError, match=f"open: mode {mode:o} lets others in; choose"):
        prepare_socket_folder(folder / "s")
    assert stat.S_IMODE(folder.stat().st_mode) == mode


def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    folder = Path("/")
    if os.geteuid() == 0:
        folder = tmp_path / "theirs"
        folder.mkdir(mode=0o700)
        os.chown(folder, 12345, -1)
    with pytest.raises(ValueError, match="belongs to another user; choose another folder"):
        prepare_socket_folder(folder / "s")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot be made: Not a directory"):
        prepare_socket_folder(tmp_path / "file" / "folder" / "s")


def test_the_longest_path_is_one_that_the_system_binds() -> None:
    with TemporaryDirectory(prefix="bw") as folder:
        longest = Path(folder) / ("s" * (MAX_SOCKET_PATH_BYTES - len(folder) - 1))
        prepare_socket_folder(longest)
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(longest))
        with pytest.raises(ValueError, match=f"{MAX_SOCKET_PATH_BYTES + 1} bytes long"):
            prepare_socket_folder(longest.with_name(longest.name + "s"))


def test_a_path_is_as_long_as_its_bytes(tmp_path: Path) -> None:
    letters = (MAX_SOCKET_PATH_BYTES - len(os.fsencode(tmp_path)) - 1) // 2 + 1
    with pytest.raises(ValueError, match=r"bytes long.*choose a shorter path"):
        prepare_socket_folder(tmp_path / ("\N{LATIN SMALL LETTER E WITH ACUTE}" * letters))


def test_a_private_file_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    for text in (b"a longer text", b"short"):
        with open_private(path) as file:
            file.write(text)
        assert path.read_bytes() == text
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o644)  # the next one finds a file that others may read
    with pytest.raises(FileNotFoundError):
        open_private(tmp_path / "nowhere" / "secret")


def test_what_outlives_a_restart_is_not_among_sockets() -> None:
    assert paths.runtime_folder() not in (paths.state_folder(), paths.config_folder())
    assert paths.state_folder().name == paths.config_folder().name == "bronzewillow"


def test_the_door_is_beside_the_control_socket() -> None:
    assert paths.door_socket() == paths.control_socket().with_name("agent-door.sock")
    assert paths.door_socket(Path("/run/x/one.sock")) == Path("/run/x/one-door.sock")
