"""A machine before anything runs on it."""

from __future__ import annotations

import errno
import resource
import socket
from pathlib import Path

import pytest

from bronzewillow.doctor import machine
from bronzewillow.doctor.findings import Verdict
from bronzewillow.doctor.machine import (
    can_be_made,
    check_kernel,
    check_open_files,
    check_programs,
    check_reach,
    check_server,
    check_socket,
)
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
    assert check_socket(Path("/tmp"), "p/x.sock").verdict is Verdict.GOOD
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
