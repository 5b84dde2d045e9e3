from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from kubelet.node.shutdown_notice import ShutdownNotice


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
