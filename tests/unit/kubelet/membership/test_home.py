from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.kube.access import Cluster
from bronzewillow.kube.kubeconfig import load_kubeconfig
from bronzewillow.testing.aio import run
from kubelet.membership.errors import MembershipError
from kubelet.membership.home import Home, Membership

CLUSTER = Cluster("https://10.0.0.1:6443", b"CA")


def test_what_is_written_is_read_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "kubelet")
    home.prepare()
    assert home.membership() is None
    home.write(Membership("mac-1", CLUSTER.server), CLUSTER)
    home.write_network_token(CLUSTER, "token")
    home.client_pairs.pending_key()
    assert home.membership() == Membership("mac-1", CLUSTER.server)
    assert home.access().cluster.server == CLUSTER.server
    files = [path for path in home.folder.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert home.folder.stat().st_mode & 0o777 == 0o700


def test_the_network_agent_reads_its_token_of_a_file_that_is_renewed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.write_network_token(CLUSTER, "first")
    access = load_kubeconfig(home.network_kubeconfig)
    assert run(access.identity.present()).token == "first"
    home.write_network_token(CLUSTER, "second")
    assert access.identity.forget()
    assert run(access.identity.present()).token == "second"


def test_nothing_is_left_when_it_has_left(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    home.write(Membership("mac-1", CLUSTER.server), CLUSTER)
    home.write_network_token(CLUSTER, "token")
    for pairs in (home.client_pairs, home.serving_pairs, home.own_pairs):
        pairs.pending_key()
    home.forget()
    assert home.membership() is None
    assert [path.name for path in tmp_path.rglob("*")] == ["pki"]
    home.forget()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"node_name": "a"}'])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "node.json").write_text(content)
    with pytest.raises(MembershipError, match=r"node\.json"):
        Home(tmp_path).membership()


def test_an_identity_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MembershipError, match="kubeconfig"):
        Home(tmp_path).access()
