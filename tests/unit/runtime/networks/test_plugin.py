from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bronzewillow.testing.aio import run
from runtime.networks.errors import NetworkError
from runtime.networks.plugin import find_plugin, plugin_folders, run_plugin

pytestmark = pytest.mark.loopback


def script(folder: Path, text: str) -> Path:
    path = folder / "net"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_environment_and_input_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    program = script(tmp_path, 'echo "{\\"env\\": \\"$CNI_COMMAND$SECRET\\", \\"stdin\\": $(cat)}"')
    answer = run(run_plugin(program, {"CNI_COMMAND": "ADD"}, {"name": "a"}))
    assert answer == {"env": "ADD", "stdin": {"name": "a"}}
    assert run(run_plugin(script(tmp_path, "cat > /dev/null"), {}, {})) is None


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('echo \'{"code": 11, "msg": "busy", "details": "wait"}\'; exit 1', 11, "net: busy: wait"),
        ("echo oh no >&2; exit 3", 0, "net: oh no"),
        ("exit 4", 0, "ended with 4 and said nothing"),
        ("echo no json", 0, "ended with -1"),
        ("echo '[]'", 0, "ended with 0"),
    ],
)
def test_what_it_refuses(tmp_path: Path, text: str, code: int, words: str) -> None:
    with pytest.raises(NetworkError, match=words) as raised:
        run(run_plugin(script(tmp_path, f"cat > /dev/null\n{text}"), {}, {}))
    assert raised.value.code == code and "\n" not in str(raised.value)


def test_one_that_hangs(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"did not end within 0\.1 s"):
        run(run_plugin(script(tmp_path, "sleep 60 & sleep 60"), {}, {}, 0.1))


def test_one_that_hangs_and_has_ended_when_it_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # macOS refuses a signal to a group of which nobody lives, as long as one of it is not waited for
    kill = os.killpg

    def kill_and_refuse(group: int, number: int) -> None:
        kill(group, number)
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "killpg", kill_and_refuse)
    with pytest.raises(NetworkError, match="did not end"):
        run(run_plugin(script(tmp_path, "sleep 60"), {}, {}, 0.1))


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNI_PATH", f"{tmp_path}/a:{tmp_path}")
    program = script(tmp_path, "")
    assert find_plugin("net", plugin_folders()) == program
    with pytest.raises(NetworkError, match="CNI plugin none: is in none of"):
        find_plugin("none", [tmp_path])
    program.chmod(0o644)
    with pytest.raises(NetworkError, match="cannot be run"):
        run(run_plugin(program, {}, {}))
