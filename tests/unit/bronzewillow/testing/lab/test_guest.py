"""That it boots is shown in tests/lab, which needs root and user-mode-linux."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.testing.lab.guest import Guest, GuestNamespace, GuestProcess
from bronzewillow.testing.lab.guest_init import READY
from bronzewillow.testing.lab.netns import LabError, Namespace


class Console(Guest):
    """One that answers as it is told to."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def ask(self, **command: Any) -> dict[str, Any]:
        self.asked.append(command)
        return self.answers.pop(0) if self.answers else {"code": 0, "out": "", "err": ""}


class Failing(Namespace):
    """Where no kernel comes up."""

    def command(self, *argv: str) -> list[str]:
        return ["echo", "panic"]


class Silent(Namespace):
    """Where one comes up, and hangs."""

    def command(self, *argv: str) -> list[str]:
        return ["sh", "-c", f"echo {READY}; exec cat >/dev/null"]


def test_a_kernel_that_does_not_boot_is_told_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="does not boot:\npanic"):
        Guest(Failing("none"), "out0", tmp_path)
    init = (tmp_path / "guest" / "init").read_text()
    assert str(tmp_path) in init
    assert os.access(tmp_path / "guest" / "init", os.X_OK)


def test_a_guest_that_says_nothing_more_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that it is ready, and then reads without a word."""
    monkeypatch.setattr("bronzewillow.testing.lab.guest._ANSWER_LIMIT_S", 0.05)
    guest = Guest(Silent("none"), "out0", tmp_path)
    with pytest.raises(LabError, match="did not answer to"):
        guest.ask(argv=["true"])
    guest.close()


def test_commands_go_by_the_console_into_their_namespace() -> None:
    console = Console()
    GuestNamespace(console).ip("link", "show")
    GuestNamespace(console, "pod0").ip("link", "show")
    assert [one["argv"] for one in console.asked] == [
        ["ip", "link", "show"],
        ["ip", "netns", "exec", "pod0", "ip", "link", "show"],
    ]


def test_what_fails_is_told() -> None:
    console = Console({"code": 2, "out": "", "err": "no such device\n"})
    with pytest.raises(LabError, match="exit 2: no such device"):
        GuestNamespace(console).ip("link", "show")


def test_a_program_goes_on_there_and_ends_by_its_own_number(tmp_path: Path) -> None:
    console = Console({"pid": 7}, {"code": 0, "out": "", "err": ""}, {"code": 1, "out": "", "err": ""})
    with (tmp_path / "log").open("wb") as log:
        process = GuestNamespace(console, "pod0").begin("sleep", "9", log=log, env={"A": "b"}, cwd=tmp_path)
    assert isinstance(process, GuestProcess)
    assert process.pid == 7
    assert console.asked[0]["log"] == str(tmp_path / "log")
    assert process.poll() is None
    assert process.poll() == 1
    process.terminate()
    assert console.asked[-1]["argv"] == ["kill", "-15", "7"]
