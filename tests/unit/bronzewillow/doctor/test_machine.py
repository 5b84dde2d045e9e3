"""A machine before anything runs on it."""

from __future__ import annotations

import errno
import os
import resource
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bronzewillow.doctor import machine
from bronzewillow.doctor.findings import Verdict
from bronzewillow.doctor.machine import (
    can_be_made,
    check_kernel,
    check_open_files,
    check_programs,
    check_reach,
    check_runtime_variable,
    check_server,
    check_socket,
)
from bronzewillow.host.paths import prepare_socket_folder
from bronzewillow.testing.ports import free_tcp_port


@pytest.mark.parametrize(("native", "verdict"), [(True, Verdict.GOOD), (False, Verdict.WARNING)])
def test_the_kernel(native: bool, verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "NATIVE", native)
    assert check_kernel().verdict is verdict


def test_programs_are_there_or_not(tmp_path: Path) -> None:
    program = tmp_path / "llm-something"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    here, missing = check_programs(["llm-something", "llm-nothing"], str(tmp_path))
    assert (here.verdict, here.text) == (Verdict.GOOD, str(program))
    assert missing.verdict is Verdict.BROKEN


def test_paths_of_sockets_have_a_limit() -> None:
    with TemporaryDirectory(prefix="bw") as folder:
        assert check_socket(Path(folder), "p/x.sock").verdict is Verdict.GOOD
    finding = check_socket(Path("/" + "x" * 100), "p/x.sock")
    assert finding.verdict is Verdict.BROKEN
    assert "XDG_RUNTIME_DIR" in finding.cure


def test_a_folder_for_sockets_must_be_there_or_be_made(tmp_path: Path) -> None:
    assert can_be_made(tmp_path / "a/b")
    (tmp_path / "file").touch()
    assert not can_be_made(tmp_path / "file/a")
    finding = check_socket(Path("/dev/null/a"))
    assert (finding.verdict, finding.text) == (
        Verdict.BROKEN,
        "/dev/null/a: is not there, and cannot be made",
    )


def test_a_folder_for_sockets_is_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bronzewillow"
    folder.mkdir(mode=0o700)
    assert check_socket(folder).verdict is Verdict.GOOD
    folder.chmod(0o755)
    for refusal in ("mode 755 lets others in", "belongs to another user"):
        assert check_socket(folder).text == f"{folder}: {refusal}"
        assert check_socket(folder).verdict is Verdict.BROKEN
        with pytest.raises(ValueError, match=refusal):  # as who opens a socket there has it
            prepare_socket_folder(folder / "agent.sock")
        monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)


def test_a_variable_that_does_not_count_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert check_runtime_variable() == []
    named = tmp_path / "run"
    named.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(named))
    monkeypatch.setattr(machine, "runtime_folder", lambda: named / "bronzewillow")
    assert check_runtime_variable() == []
    monkeypatch.setattr(machine, "runtime_folder", lambda: tmp_path / "elsewhere")
    (finding,) = check_runtime_variable()
    assert (finding.verdict, finding.cure) == (
        Verdict.WARNING,
        f"chmod 700 '{named}', chmod go-w those above it, or unset the variable",
    )
    assert f"passed over: others can enter {named}, or" in finding.text


def test_datagrams_may_leave() -> None:
    assert check_reach("127.0.0.1", 9).verdict is Verdict.GOOD
    finding = check_reach("255.255.255.255", 9)  # no broadcast without being asked for
    assert (finding.verdict, finding.subject) == (Verdict.BROKEN, "way to 255.255.255.255")


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(256, Verdict.WARNING), (1024, Verdict.GOOD), (resource.RLIM_INFINITY, Verdict.GOOD)],
)
def test_how_many_files_may_be_open(limit: int, verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda what: (limit, limit))
    finding = check_open_files()
    assert finding.verdict is verdict
    assert (verdict is Verdict.GOOD) == (finding.cure == "")


def test_no_limit_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for infinity in (-1, (1 << 63) - 1):  # Linux' and macOS'
        monkeypatch.setattr(resource, "RLIM_INFINITY", infinity)
        monkeypatch.setattr(resource, "getrlimit", lambda what: (resource.RLIM_INFINITY,) * 2)
        assert check_open_files().text == "any number"


@pytest.mark.loopback
def test_an_api_server_can_be_reached_or_not() -> None:
    port = free_tcp_port()
    with socket.create_server(("127.0.0.1", port)):
        assert check_server("127.0.0.1", port).verdict is Verdict.GOOD
    finding = check_server("127.0.0.1", port)
    assert finding.verdict is Verdict.BROKEN
    assert "Connection refused" in finding.text


@pytest.mark.loopback
def test_on_a_mac_no_route_means_a_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EHOSTUNREACH, "No route to host")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr("bronzewillow.doctor.machine.sys.platform", "darwin")
    assert "Privacy & Security, Local Network" in check_server("192.0.2.1", 6443).cure
