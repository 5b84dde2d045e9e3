from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from cryptography import x509

from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.kubeconfig import emit_kubeconfig
from bronzewillow.kube.resources import CERTIFICATE_SIGNING_REQUESTS, NODES
from bronzewillow.testing.joinable import NODE, TOKEN, Joinable, joinable, on_cluster
from kubelet.certificates.errors import NotTrusted
from kubelet.certificates.pins import pin_of
from kubelet.certificates.token import parse_token
from kubelet.clock import SystemClock
from kubelet.membership.errors import MembershipError
from kubelet.membership.home import Home, Membership
from kubelet.membership.join import ByKubeconfig, ByToken, check_is_free, join, node_name_of, trusted_access

from .test_network_account import set_up

pytestmark = pytest.mark.loopback
SECRET = parse_token(TOKEN).secret


def by_token(cluster: Joinable) -> ByToken:
    authority = x509.load_pem_x509_certificate(cluster.server.authority.ca_pem)
    return ByToken(cluster.server.cluster.server, parse_token(TOKEN), {pin_of(authority)})


async def joined(cluster: Joinable, folder: Path) -> tuple[Home, list[str]]:
    home = Home(folder)
    said: list[str] = []
    await join(by_token(cluster), NODE, home, SystemClock(), said.append)
    return home, said


def test_a_token_makes_a_member_with_an_identity_of_its_own(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        home, said = await joined(cluster, tmp_path)
        membership = home.membership()
        assert membership is not None
        assert (membership.node_name, membership.server) == (NODE, cluster.server.cluster.server)
        async with KubeClient(home.access()) as node:
            made = await node.create(NODES, {"metadata": {"name": NODE}})
        assert made["metadata"]["name"] == NODE
        assert any("--print-setup" in line for line in said)  # nobody has set the network up
        assert not any(SECRET in line for line in said)
        secrets = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET in path.read_text()]
        assert secrets == []

    on_cluster(body)


def test_a_cluster_that_is_set_up_gives_the_network_its_identity(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        await set_up(cluster)
        home, _ = await joined(cluster, tmp_path)
        async with KubeClient(trusted_access(home.network_kubeconfig)) as network:
            assert (await network.list(NODES))["items"] == []

    on_cluster(body)


def test_joining_again_keeps_who_it_is(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        home, _ = await joined(cluster, tmp_path)
        first = home.client_pairs.current()
        _, said = await joined(cluster, tmp_path)
        assert home.client_pairs.current() == first
        assert any("already" in line for line in said)
        assert len(await cluster.requests()) == 1

    on_cluster(body)


def test_a_node_of_another_name_or_cluster_leaves_first(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        async with joinable() as another:
            home, _ = await joined(another, tmp_path)
            first = home.client_pairs.current()
            says = f"node {NODE} of {another.server.cluster.server}; to join otherwise, leave it first"
            with pytest.raises(MembershipError, match=says):
                await joined(cluster, tmp_path)
            with pytest.raises(MembershipError, match=says):
                await join(by_token(another), "mac-2", home, SystemClock(), lambda line: None)
            assert home.client_pairs.current() == first

    on_cluster(body)


def test_a_cluster_is_known_by_its_authority_and_may_have_another_address(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        home, _ = await joined(cluster, tmp_path)
        check_is_free(home, Membership(NODE, "https://192.0.2.99:6443"), cluster.server.cluster)

    on_cluster(body)


def test_a_node_that_no_longer_knows_its_cluster_joins_anew(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        home, _ = await joined(cluster, tmp_path)
        (tmp_path / "node.json").write_text("{")
        await joined(cluster, tmp_path)
        assert home.membership() is not None

    on_cluster(body)


def test_a_certificate_of_another_cluster_is_not_kept(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        async with joinable() as another:
            home, _ = await joined(another, tmp_path)
            first = home.client_pairs.current()
            (tmp_path / "node.json").unlink()  # as a join leaves it that was cut short
            await joined(cluster, tmp_path)
            assert home.client_pairs.current() != first

    on_cluster(body)


def test_who_is_not_trusted_is_told_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        how = ByToken(cluster.server.cluster.server, parse_token(TOKEN), {b"0" * 32})
        with pytest.raises(NotTrusted):
            await join(how, NODE, Home(tmp_path / "home"), SystemClock(), lambda line: None)
        assert not (tmp_path / "home").exists()
        assert {user for user, *_ in cluster.server.audit} <= {"system:anonymous", ""}

    on_cluster(body)


def test_an_administrators_kubeconfig_does_as_well(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        (tmp_path / "token").write_text("admin-token")
        path = tmp_path / "admin.conf"
        path.write_bytes(emit_kubeconfig(cluster.server.cluster, token=tmp_path / "token"))
        assert await node_name_of(path) == ""
        home = Home(tmp_path / "home")
        await join(ByKubeconfig(path), NODE, home, SystemClock(), lambda line: None)
        assert home.membership() is not None
        (request,) = (await cluster.admin.list(CERTIFICATE_SIGNING_REQUESTS))["items"]
        assert request["spec"]["username"] == "kubernetes-admin"

    on_cluster(body)


def test_a_nodes_kubeconfig_says_its_name(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        home, _ = await joined(cluster, tmp_path / "first")
        assert await node_name_of(home.kubeconfig) == NODE
        second = Home(tmp_path / "second")
        await join(ByKubeconfig(home.kubeconfig), NODE, second, SystemClock(), lambda line: None)
        pair = second.client_pairs.current()
        assert pair is not None
        assert pair.common_name == f"system:node:{NODE}"

    on_cluster(body)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"insecure-skip-tls-verify": True}, "verified"),
        ({"server": "http://10.0.0.1:8080"}, "must be https"),
    ],
)
def test_a_kubeconfig_that_trusts_anybody_is_not_taken(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    cluster = {"server": "https://10.0.0.1:6443", **change}
    document = {
        "kind": "Config",
        "current-context": "a",
        "clusters": [{"name": "a", "cluster": cluster}],
        "users": [{"name": "a", "user": {"token": "t"}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
    }
    path = tmp_path / "admin.conf"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(MembershipError, match=says):
        trusted_access(path)


def test_a_kubeconfig_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MembershipError, match="none"):
        trusted_access(tmp_path / "none")
