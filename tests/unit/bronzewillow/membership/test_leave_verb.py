from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from bronzewillow.membership import leave_verb
from bronzewillow.membership.leave_verb import leave


@pytest.fixture
def became(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What llm-kubelet is told; of a user who has installed nothing."""
    found: list[str] = []

    def become(verb: str, words: Sequence[str]) -> None:
        found.extend((verb, *words, os.environ["XDG_STATE_HOME"]))

    monkeypatch.setattr(leave_verb, "become", become)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/x")
    monkeypatch.setenv("RUNM_STORE", "/images")
    return found


def said(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(leave, words)
    assert result.exit_code == code, result.output
    return result.output


def test_it_says_again_what_it_was_told(became: list[str], tmp_path: Path) -> None:
    assert said("--force", "--timeout", "5", "--kubeconfig", "admin") == ""
    words = ["--timeout", "5.0", "--force", "--kubeconfig", "admin", "--log-level", "warning"]
    assert became == ["leave", *words, str(tmp_path / "state")]


def test_a_node_in_a_folder_of_its_own(became: list[str], tmp_path: Path) -> None:
    root = tmp_path / "root"
    assert f"{root}: is no folder" in said("--root", str(root), code=1)
    root.mkdir()
    said("--root", str(root))
    assert became == ["leave", "--log-level", "warning", str(root / "state")]


def test_a_service_that_would_start_again_is_told(became: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Service:
        def is_installed(self) -> bool:
            return True

    monkeypatch.setattr(leave_verb, "user_service", Service)
    assert said().endswith("starts at the next login: bronzewillow uninstall removes it\n")
    assert became[0] == "leave"


def test_a_machine_that_has_joined_nothing_is_told_in_our_name(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("bronzewillow")
    done = subprocess.run([program, "leave", "--root", tmp_path], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"bronzewillow: {tmp_path}")
    assert done.stderr.endswith("this machine is no node of a cluster\n")
