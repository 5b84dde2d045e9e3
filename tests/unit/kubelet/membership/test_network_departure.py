from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bronzewillow.kube.access import Cluster
from bronzewillow.testing.aio import run
from kubelet.membership import network_departure as module
from kubelet.membership.errors import MembershipError
from kubelet.membership.home import Home
from kubelet.membership.network_departure import withdraw_network

pytestmark = pytest.mark.loopback


def home(folder: Path) -> Home:
    found = Home(folder)
    found.prepare()
    found.write_network_token(Cluster("https://127.0.0.1:1", b""), "secret")
    return found


def program(folder: Path, script: str) -> str:
    path = folder / "bronzewillow"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_without_an_account_there_is_nothing_to_withdraw(tmp_path: Path) -> None:
    assert run(withdraw_network(Home(tmp_path), "mac-1")) is False


def test_the_networks_program_is_told_who_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = program(tmp_path, f'echo "$@" >{tmp_path}/words')
    monkeypatch.setattr(module, "_find", lambda: written)
    found = home(tmp_path / "home")
    assert run(withdraw_network(found, "mac-1")) is True
    told = (tmp_path / "words").read_text().split()
    assert told == ["withdraw", "--kubeconfig", str(found.network_kubeconfig), "--node-name", "mac-1"]


def test_what_it_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = program(tmp_path, "echo noise >&2; echo 'bronzewillow: no rights' >&2; exit 1")
    monkeypatch.setattr(module, "_find", lambda: written)
    with pytest.raises(MembershipError, match=r"the network is not withdrawn: no rights$"):
        run(withdraw_network(home(tmp_path / "home"), "mac-1"))


def test_one_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = program(tmp_path, "exec sleep 60")
    monkeypatch.setattr(module, "_find", lambda: written)
    monkeypatch.setattr(module, "_LIMIT_S", 0.2)
    with pytest.raises(MembershipError, match="not withdrawn within"):
        run(withdraw_network(home(tmp_path / "home"), "mac-1"))


def test_it_is_found_beside_this_interpreter() -> None:
    assert module._find() == str(Path(sys.executable).with_name("bronzewillow"))
