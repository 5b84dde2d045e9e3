from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from cryptography import x509

from bronzewillow.kube.access import Cluster
from bronzewillow.kube.resources import NODES
from bronzewillow.testing.joinable import NODE, TOKEN, Joinable, on_cluster
from kubelet.certificates.pins import pin_of
from kubelet.membership.cli import TAINT, default_node_name, join, leave
from kubelet.membership.home import Home, Membership
from kubelet.membership.presence import Presence
from kubelet.membership.setup import setup_objects
from kubelet.model.node_facts import NodeSettings

PIN = f"sha256:{'0' * 64}"


def said(command: object, *arguments: str, code: int, input: str | None = None) -> str:
    """What it printed; one line of it says what was wrong."""
    result = CliRunner().invoke(command, arguments, input=input, env={"COLUMNS": "300"})  # type: ignore[arg-type]
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BRONZEWILLOW_TOKEN", raising=False)


def test_what_is_printed_for_an_administrator_is_yaml() -> None:
    assert list(yaml.safe_load_all(said(join, "--print-setup", code=0))) == setup_objects()


def test_the_taint_that_is_told_is_the_one_that_is_set() -> None:
    (taint,) = NodeSettings(NODE).taints
    assert f"{taint.key}={taint.value}:{taint.effect}" == TAINT


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        ([], "SERVER is missing", 2),
        (["x"], "--token-file or --token is missing", 2),
        (["x", "--token", TOKEN], "--ca-cert-hash is missing", 2),
        (["x", "--token", "bad", "--ca-cert-hash", PIN], "token: expected ID.SECRET", 2),
        (["x", "--token", TOKEN, "--ca-cert-hash", "z"], "--ca-cert-hash 'z'", 2),
        (["http://x", "--token", TOKEN, "--ca-cert-hash", PIN], "SERVER: 'http://x'", 2),
        (["x", "--token-file", "/none", "--ca-cert-hash", PIN], "/none: No such file", 1),
        (["x", "--kubeconfig", "/none"], "--kubeconfig says all", 2),
        (["--kubeconfig", "/none"], "/none: cannot be read", 1),
        (["x", "--token", TOKEN, "--ca-cert-hash", PIN, "--node-name", "Mac"], "node name 'Mac'", 2),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], says: str, code: int, tmp_path: Path) -> None:
    output = said(join, *arguments, "--home", str(tmp_path), code=code)
    assert says in output
    assert TOKEN not in output.replace(f"such as {TOKEN}", "")
    assert "Traceback" not in output


def test_a_machine_that_is_no_node_cannot_leave(tmp_path: Path) -> None:
    assert "is no node of a cluster" in said(leave, "--home", str(tmp_path), code=1)


def test_a_node_that_no_longer_knows_its_cluster_leaves_by_force(tmp_path: Path) -> None:
    (tmp_path / "node.json").write_text("{")
    words = ("--home", str(tmp_path))
    assert "leave --force forgets the cluster" in said(leave, *words, code=1)
    assert "kubectl delete node" in said(leave, *words, "--force", code=0)
    assert not (tmp_path / "node.json").exists()


def test_a_node_that_runs_is_not_joined_anew(tmp_path: Path) -> None:
    server = "https://192.0.2.10:6443"
    Home(tmp_path).write(Membership(NODE, server), Cluster(server))
    with Presence(tmp_path).running():
        output = said(join, "x", "--token", TOKEN, "--ca-cert-hash", PIN, "--home", str(tmp_path), code=1)
    assert f"this machine is node {NODE} of {server}, and runs: bronzewillow status shows it" in output


@pytest.mark.parametrize(
    ("host", "name"),
    [("Johns-MacBook-Pro.local", "johns-macbook-pro"), ("mac-1.example.com", "mac-1.example.com")],
)
def test_a_hosts_name_becomes_a_nodes(host: str, name: str) -> None:
    assert default_node_name(host) == name


@pytest.mark.loopback
@pytest.mark.parametrize("manner", ["file", "stdin", "variable"])
def test_joining_and_leaving_by_hand(manner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (tmp_path / "token").write_text(TOKEN + "\n")
    arguments = {
        "file": ["--token-file", str(tmp_path / "token")],
        "stdin": ["--token-file", "-"],
        "variable": [],
    }[manner]
    if manner == "variable":
        monkeypatch.setenv("BRONZEWILLOW_TOKEN", TOKEN)

    async def body(cluster: Joinable) -> None:
        pin = pin_of(x509.load_pem_x509_certificate(cluster.server.authority.ca_pem)).hex()
        server = cluster.server.cluster.server
        options = ["--ca-cert-hash", f"sha256:{pin}", "--node-name", NODE, "--home", str(home)]
        output = await asyncio.to_thread(said, join, server, *arguments, *options, code=0, input=TOKEN)
        assert f"{NODE} has joined {server}" in output
        assert TOKEN not in output
        await cluster.node.create(NODES, {"metadata": {"name": NODE}})
        output = await asyncio.to_thread(said, leave, "--home", str(home), code=0)
        assert f"kubectl delete node {NODE}" in output
        assert Home(home).membership() is None

    on_cluster(body)
