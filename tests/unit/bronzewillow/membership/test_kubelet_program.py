from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from bronzewillow.host.command import CommandError
from bronzewillow.membership.kubelet_program import become, run_kubelet_verb, without_token

TOKEN = "abcdef.0123456789abcdef"


@pytest.mark.parametrize(
    ("arguments", "others", "token"),
    [
        (
            ["10.0.0.1:6443", "--token", TOKEN, "--node-name", "a"],
            ["10.0.0.1:6443", "--node-name", "a"],
            TOKEN,
        ),
        ([f"--token={TOKEN}"], [], TOKEN),
        (["--token-file", "t"], ["--token-file", "t"], None),
        (["--token"], ["--token"], None),
        (["--token="], [], ""),
        ([], [], None),
    ],
)
def test_a_token_is_taken_out(arguments: list[str], others: list[str], token: str | None) -> None:
    assert without_token(arguments) == (others, token)


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An llm-kubelet that notes what it was given; `bronzewillow` stands beside it."""
    note = tmp_path / "note"
    program = tmp_path / "llm-kubelet"
    program.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        "*words, last = sys.argv[1:]\n"
        "token = pathlib.Path(last).read_text() if last.startswith('/dev/fd/') else last\n"
        f"pathlib.Path({str(note)!r}).write_text('|'.join([*words, token]))\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "bronzewillow")])
    return note


def became(verb: str, *arguments: str) -> None:
    """`become` in a process of its own, which it replaces."""
    pid = os.fork()
    if pid == 0:
        try:
            become(verb, arguments)
        finally:
            os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_the_token_goes_through_a_pipe_and_not_through_the_list_of_processes(seen: Path) -> None:
    became("join", "10.0.0.1:6443", "--token", TOKEN, "--ca-cert-hash", "sha256:00")
    assert seen.read_text() == f"join|10.0.0.1:6443|--ca-cert-hash|sha256:00|--token-file|{TOKEN}"


def test_all_else_goes_as_it_is(seen: Path) -> None:
    became("leave", "--force", "--timeout", "5")
    assert seen.read_text() == "leave|--force|--timeout|5"


def test_an_installation_without_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "bronzewillow")])
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CommandError, match="llm-kubelet: not found"):
        become("join", [])


def test_it_can_be_run_to_its_end(seen: Path) -> None:
    assert run_kubelet_verb("join", ["10.0.0.1:6443", "--token", TOKEN]) == 0
    assert seen.read_text() == f"join|10.0.0.1:6443|--token-file|{TOKEN}"
    seen.with_name("llm-kubelet").write_text("#!/bin/sh\nexit 7\n")
    assert run_kubelet_verb("join", []) == 7
