from __future__ import annotations

import ctypes
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from kubelet.node.shutdown_notice import ShutdownNotice, is_going_down


@pytest.mark.skipif(sys.platform == "darwin", reason="systemd is asked elsewhere")
@pytest.mark.parametrize(("state", "expected"), [("stopping", True), ("running", False), ("offline", False)])
def test_systemd_says_whether_the_machine_goes_down(
    state: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "systemctl"
    program.write_text(f"#!/bin/sh\necho {state}\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(program))
    assert ShutdownNotice().is_shutting_down() is expected


@pytest.mark.skipif(sys.platform == "darwin", reason="systemd is asked elsewhere")
def test_without_systemd_nobody_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert not ShutdownNotice().is_shutting_down()


@pytest.mark.parametrize(
    ("posted", "expected"),
    [
        (set(), False),
        ({"shutdownInitiated"}, True),
        ({"restartinitiated"}, True),
        ({"logoutInitiated", "logoutcancelled"}, False),
        ({"logoutInitiated", "logoutcancelled", "logoutNoReturn"}, True),
        ({"logoutcancelled"}, False),
    ],
)
def test_what_loginwindow_says(posted: set[str], expected: bool) -> None:
    assert is_going_down(posted) is expected


class NotifyLibrary:
    """As notify(3) has it: the first check of a name says that it was posted, later ones what came since."""

    def __init__(self) -> None:
        self.names: list[bytes] = []
        self.posted: set[bytes] = set()

    def notify_register_check(self, name: bytes, token: Any) -> int:
        self.names.append(name)
        self.posted.add(name)
        token._obj.value = len(self.names) - 1
        return 0

    def notify_check(self, token: ctypes.c_int, checked: Any) -> int:
        name = self.names[token.value]
        checked._obj.value = name in self.posted
        self.posted.discard(name)
        return 0


def test_a_shutdown_that_was_cancelled_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    library, name = NotifyLibrary(), b"com.apple.system.loginwindow."
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda path: library)
    notice = ShutdownNotice()
    assert not notice.is_shutting_down()
    library.posted |= {name + b"shutdownInitiated", name + b"logoutcancelled"}
    assert not notice.is_shutting_down()
    library.posted |= {name + b"shutdownInitiated"}
    assert notice.is_shutting_down()
