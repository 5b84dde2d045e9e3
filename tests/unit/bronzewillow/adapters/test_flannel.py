"""Flannel: what the recorded clusters of tests/contract/adapters do not show."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

import pytest

from bronzewillow.adapters.flannel import PREFIX, adapt, is_peer
from bronzewillow.adapters.network import CONFIG_MAPS, NODES, Cluster, ClusterNetwork, Us

US = Us("mac-1", (b"\xc0\x00\x02\x02",), uid="u")


def worker(**changes: str | None) -> dict[str, Any]:
    notes: dict[str, str | None] = {
        "backend-data": json.dumps({"VNI": 1, "VtepMAC": "02:aa:aa:aa:aa:01"}),
        "backend-type": "vxlan",
        "kube-subnet-manager": "true",
        "public-ip": "192.0.2.1",
    }
    notes |= {key.replace("_", "-"): value for key, value in changes.items()}
    annotations = {PREFIX + key: value for key, value in notes.items() if value is not None}
    return {"metadata": {"annotations": annotations}, "spec": {"podCIDRs": ["10.244.1.0/24"]}}


def cluster(node: dict[str, Any]) -> Cluster:
    return Cluster({NODES: {"mac-1": {"spec": {"podCIDRs": ["10.244.7.0/24"]}}, "worker-1": node}})


def test_a_whole_node_is_a_peer() -> None:
    [overlay] = adapt(cluster(worker()), US).overlays
    assert [peer.name for peer in overlay.peers] == ["worker-1"]


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"public_ip": "nowhere"}, "Node worker-1: its annotations flannel.alpha.coreos.com/* are not whole"),
        ({"public_ip": None}, "Node worker-1: its annotations flannel.alpha.coreos.com/* are not whole"),
        ({"backend_data": "{"}, "Node worker-1: its annotations flannel.alpha.coreos.com/* are not whole"),
        (
            {"backend_data": '{"VNI":2,"VtepMAC":"02:aa:aa:aa:aa:01"}'},
            "Node worker-1 has VNI 2, and the overlay 1",
        ),
    ],
)
def test_a_node_that_is_not_whole_is_left_out_and_said(changes: dict[str, str | None], warning: str) -> None:
    verdict = adapt(cluster(worker(**changes)), US)
    assert verdict.overlays[0].peers == ()
    assert verdict.warnings == (warning,)


@pytest.mark.parametrize("changes", [{"kube_subnet_manager": None}, {"backend_data": None}])
def test_a_node_that_flannel_does_not_manage_is_nobody(changes: dict[str, str | None]) -> None:
    verdict = adapt(cluster(worker(**changes)), US)
    assert verdict.overlays[0].peers == ()
    assert verdict.warnings == ()


def test_a_published_mac_stays() -> None:
    found = cluster(worker())
    us = {
        "spec": {"podCIDRs": ["10.244.7.0/24"]},
        "metadata": {"annotations": {PREFIX + "backend-data": '{"VNI":1,"VtepMAC":"06:00:00:00:00:07"}'}},
    }
    [overlay] = adapt(Cluster({NODES: {**found.all(NODES), "mac-1": us}}), US).overlays
    assert overlay.mac == bytes.fromhex("060000000007")


def test_a_family_that_we_have_no_address_of_is_refused() -> None:
    found = Cluster({NODES: {"mac-1": {"spec": {"podCIDRs": ["fd00:7::/64"]}}}})
    reason = str(adapt(found, US).refusals[0])
    assert reason.startswith("Node mac-1 has a podCIDR of IPv6, and this machine has no address")


def test_nothing_is_published_before_there_is_a_node() -> None:
    verdict = adapt(Cluster(), US)
    assert verdict.waiting_for == ("the Node mac-1",)
    assert verdict.overlays == ()
    assert verdict.publications == ()


def test_is_peer() -> None:
    assert is_peer(worker())
    assert not is_peer(worker(backend_type="host-gw"))
    assert not is_peer({})


def dual_stack(*addresses: str) -> ClusterNetwork:
    """What a node with these addresses is told in a dual-stack cluster."""
    conf = {
        "EnableIPv6": True,
        "Network": "10.244.0.0/16",
        "IPv6Network": "fd00:10::/48",
        "Backend": {"Type": "vxlan"},
    }
    config = {"data": {"net-conf.json": json.dumps(conf)}}
    node = {"spec": {"podCIDRs": ["10.244.7.0/24", "fd00:10:0:7::/64"]}}
    found = Cluster({NODES: {"mac-1": node}, CONFIG_MAPS: {"kube-flannel/kube-flannel-cfg": config}})
    return adapt(found, Us("mac-1", tuple(ip_address(one).packed for one in addresses)))


def test_peers_of_both_families_see_a_change_of_one() -> None:
    """They compare the texts of each family's annotations, and look closer where both are others."""

    def texts(network: ClusterNetwork) -> tuple[tuple[str, str], ...]:
        (publication,) = network.publications
        notes = publication.body["metadata"]["annotations"]
        keys = (("public-ip", "backend-data"), ("public-ipv6", "backend-v6-data"))
        return tuple((notes[PREFIX + address], notes[PREFIX + data]) for address, data in keys)

    before = texts(dual_stack("192.0.2.2", "2001:db8::2"))
    for moved in (("192.0.2.22", "2001:db8::2"), ("192.0.2.2", "2001:db8::22")):
        after = texts(dual_stack(*moved))
        assert all(old != new for old, new in zip(before, after, strict=True))
        assert [json.loads(data)["VtepMAC"] for _, data in after] == [
            json.loads(data)["VtepMAC"] for _, data in before
        ]


@pytest.mark.parametrize(("address", "missing"), [("192.0.2.2", "IPv6"), ("2001:db8::2", "IPv4")])
def test_half_a_node_is_none_for_peers_of_both_families(address: str, missing: str) -> None:
    network = dual_stack(address)
    assert network.overlays == ()
    assert f"a podCIDR of {missing}, and this machine has no address of that" in str(network.refusals[0])
    assert "leave out" in str(network.refusals[0])


def test_a_family_that_flannel_is_not_configured_for_is_not_served() -> None:
    node = {"spec": {"podCIDRs": ["10.244.7.0/24", "fd00:7::/64"]}}
    config = {
        "data": {"net-conf.json": json.dumps({"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}})}
    }
    found = Cluster({NODES: {"mac-1": node}, CONFIG_MAPS: {"kube-flannel/kube-flannel-cfg": config}})
    both = Us("mac-1", (ip_address("192.0.2.2").packed, ip_address("2001:db8::2").packed))
    assert [len(one.address) for one in adapt(found, both).overlays] == [4]
    only_v6 = {"spec": {"podCIDRs": ["fd00:7::/64"]}}
    found = Cluster({NODES: {"mac-1": only_v6}, CONFIG_MAPS: {"kube-flannel/kube-flannel-cfg": config}})
    assert "Flannel's other nodes have none" in str(adapt(found, both).refusals[0])
