"""The command."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bronzewillow.doctor import cli
from bronzewillow.doctor.cli import doctor
from bronzewillow.doctor.findings import Finding, Verdict
from bronzewillow.kube.access import Cluster
from bronzewillow.kube.kubeconfig import emit_kubeconfig


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that has joined nothing."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_line_each_and_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "check_open_files", lambda: Finding(Verdict.GOOD, "open files", "many"))
    monkeypatch.setattr(cli, "check_kernel", lambda: Finding(Verdict.WARNING, "packet kernel", "interpreted"))
    monkeypatch.setattr(cli, "check_programs", lambda: [Finding(Verdict.GOOD, "runm", "here")])
    monkeypatch.setattr(cli, "check_socket", lambda *_: Finding(Verdict.GOOD, "sockets", "short enough"))
    monkeypatch.setattr(cli, "check_runtime_variable", list)
    monkeypatch.setattr(cli, "check_state", lambda _: [Finding(Verdict.GOOD, "state", "nothing is spoilt")])
    monkeypatch.setattr(cli, "check_disk", lambda _: Finding(Verdict.GOOD, "disk", "large"))
    monkeypatch.setattr(cli, "check_sockets", lambda _: [])
    monkeypatch.setattr(cli, "check_mac", lambda **_: [])
    ended = CliRunner().invoke(doctor)
    assert (ended.exit_code, len(ended.output.splitlines())) == (0, 6)
    monkeypatch.setattr(cli, "check_programs", lambda: [Finding(Verdict.BROKEN, "runm", "is not there")])
    assert CliRunner().invoke(doctor).exit_code == 1


def test_a_node_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/x")
    monkeypatch.setenv("RUNM_STORE", "/x")
    root = tmp_path / "n"
    spoilt = root / "state/bronzewillow/kubelet/node.json"
    spoilt.parent.mkdir(parents=True)
    spoilt.write_text("{")
    output = CliRunner().invoke(doctor, ["--root", str(root)]).output
    assert f"{spoilt}: cannot be read" in output
    assert f"{root / 'run/bronzewillow'}: " in output
    assert not (root / "run").exists()


def test_mistakes(tmp_path: Path) -> None:
    ended = CliRunner().invoke(doctor, ["--kubeconfig", str(tmp_path / "none"), "--pod-pool", "10.0.0.1/24"])
    assert ended.exit_code == 2
    assert "--pod-pool" in ended.output


def test_a_range_that_is_none_is_refused_without_a_cluster_too() -> None:
    ended = CliRunner().invoke(doctor, ["--pod-pool", "x"])
    assert (ended.exit_code, "--pod-pool" in ended.output) == (2, True)


def test_a_cluster_that_was_joined_is_looked_at_by_itself(tmp_path: Path) -> None:
    home = tmp_path / "state/bronzewillow/kubelet"
    home.mkdir(parents=True)
    (home / "node.json").write_text('{"node_name": "mac-1", "server": "https://127.0.0.1:9"}')
    (home / "network-kubeconfig").write_bytes(
        emit_kubeconfig(Cluster("https://127.0.0.1:9"), token=home / "network-token")
    )
    (home / "network-token").write_text("t")
    ended = CliRunner().invoke(doctor)
    assert ended.exit_code == 1
    assert "broken   API server: 127.0.0.1:9: Connection refused; look at its address" in ended.output
