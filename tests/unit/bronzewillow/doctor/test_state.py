"""What is wrong on disk is found and named, and left as it is."""

from __future__ import annotations

import shutil
import socket
from collections import namedtuple
from ipaddress import IPv4Network
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bronzewillow.cni.leases import Leases
from bronzewillow.doctor.findings import Finding, Verdict
from bronzewillow.doctor.state import check_disk, check_sockets, check_state
from bronzewillow.supervise.claim import Claim
from bronzewillow.supervise.local_network import local_config

Usage = namedtuple("Usage", "total used free")
GOOD, WARNING, BROKEN = Verdict.GOOD, Verdict.WARNING, Verdict.BROKEN


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """What a node that is well has on disk."""
    root = tmp_path / "state"
    root.mkdir(mode=0o700)
    cidrs = [IPv4Network("10.244.7.0/24")]
    Leases(root / "leases").give(cidrs, (), "c1", "eth0", "n", "default/a", tmp_path)
    record = root / "cri" / "sandboxes" / "a" / "record.json"
    record.parent.mkdir(parents=True)
    record.write_text('{"id": "a"}')
    (root / "up").mkdir()
    (root / "up" / "node.toml").write_text(local_config())
    return root


def told(findings: list[Finding]) -> list[tuple[Verdict, str]]:
    return [(one.verdict, one.subject) for one in findings]


def test_nothing_is_said_of_what_is_well(state: Path, tmp_path: Path) -> None:
    assert told(check_state(state)) == told(check_state(tmp_path / "none")) == [(GOOD, "state")]


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]", '{"id": "b"}'])
def test_what_is_spoilt_is_named(state: Path, text: str) -> None:
    spoilt = [state / "leases" / "10.244.7.1.json", state / "cri" / "sandboxes" / "a" / "record.json"]
    for path in spoilt:
        assert path.exists()
        path.write_text(text)
    (state / "up" / "node.toml").write_text("[overlay")
    found = check_state(state)
    assert told(found) == [(BROKEN, "lease"), (BROKEN, "record"), (WARNING, "network")]
    for path, finding in zip(spoilt, found, strict=False):
        assert str(path) in finding.text
        assert path.read_text() == text
    assert "node.toml:1: TOML" in found[2].text


def test_of_many_a_few_are_named(state: Path) -> None:
    for number in range(10, 30):
        (state / "leases" / f"10.244.7.{number}.json").write_text("")
    found = check_state(state)
    assert told(found) == [(BROKEN, "lease")] * 6
    assert found[-1].text == "15 more cannot be read"


@pytest.mark.parametrize(("mode", "is_told"), [(0o777, True), (0o720, True), (0o755, False)])
def test_a_folder_that_others_may_write_to(state: Path, mode: int, is_told: bool) -> None:
    state.chmod(mode)
    assert (told(check_state(state)) == [(BROKEN, "state")]) is is_told


@pytest.mark.parametrize(("free_mib", "verdict"), [(5000, GOOD), (1000, WARNING), (10, BROKEN)])
def test_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mib: int, verdict: Verdict) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, free_mib << 20))
    found = check_disk(tmp_path / "none" / "state")
    assert (found.verdict, found.text) == (verdict, f"{tmp_path}: {free_mib:,} MiB are free")


@pytest.mark.loopback
def test_a_program_that_lives_without_its_socket() -> None:
    with TemporaryDirectory(prefix="d-") as name:
        folder = Path(name)
        (folder / "up").mkdir()
        assert check_sockets(folder) == []
        claim = Claim(folder / "up" / "agent.lock")
        assert claim.former() is None
        claim.name(123)
        (found,) = check_sockets(folder)
        assert (found.verdict, found.subject) == (BROKEN, "agent")
        assert "agent.sock: nobody answers, and process 123 lives" in found.text
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(folder / "agent.sock"))
            listener.listen()
            assert check_sockets(folder) == []
        claim.close()
        assert check_sockets(folder) == []


def test_a_state_folder_that_cannot_be_made() -> None:
    (finding,) = check_state(Path("/dev/null/state"))
    assert (finding.verdict, finding.text) == (
        Verdict.BROKEN,
        "/dev/null/state: is not there, and cannot be made",
    )
