from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner

from bronzewillow.host.paths import control_socket
from bronzewillow.membership import logs_verb
from bronzewillow.membership.logs_verb import logs


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for sockets."""
    with TemporaryDirectory(prefix="bw") as name:
        yield Path(name)


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What llm-kubelet is told."""
    found: list[str] = []

    def become(verb: str, words: Sequence[str]) -> None:
        found.extend((verb, *words))

    monkeypatch.setattr(logs_verb, "become", become)
    return found


def said(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(logs, words)
    assert result.exit_code == code, result.output
    return result.output


def test_it_says_again_what_it_was_told(became: list[str], folder: Path) -> None:
    (folder / "cri.sock").touch()
    assert said("tiny", "--follow", "--tail", "3", "--control", str(folder / "agent.sock")) == ""
    assert became == ["logs", "--cri", str(folder / "cri.sock"), "tiny", "-f", "--tail", "3"]


def test_no_runtime_is_here(became: list[str], folder: Path) -> None:
    told = said("tiny", "--control", str(folder / "agent.sock"), code=1)
    assert f"{folder / 'cri.sock'}: no container runtime is here: bronzewillow up starts a node" in told
    assert became == []


def test_a_node_of_another_session_is_named(
    became: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "session").mkdir(mode=0o700)  # else it is no runtime folder
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "session"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    there = folder / "agent.sock"
    lock = folder / "state" / "bronzewillow" / "up" / "lock"
    lock.parent.mkdir(parents=True)
    lock.write_text(f"{there}\n")
    assert not control_socket().parent.exists()
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(there))
        assert "no container runtime is here" in said("tiny", code=1)  # nor there
        (folder / "cri.sock").touch()
        assert f"bronzewillow logs tiny --control {there}\n" in said("tiny", code=1)
    assert became == []


def test_errors_are_told_in_our_name(folder: Path) -> None:
    (folder / "cri.sock").touch()
    program = Path(sys.executable).with_name("bronzewillow")
    words = ("logs", "tiny", "--control", folder / "agent.sock")
    done = subprocess.run([program, *words], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"bronzewillow: {folder / 'cri.sock'}: no container runtime answers here")
    assert len(done.stderr.splitlines()) == 1
