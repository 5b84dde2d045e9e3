"""Antrea: what the recorded clusters of tests/contract/adapters do not show."""

from __future__ import annotations

import pytest

from bronzewillow.adapters.antrea import TRANSPORT_ADDRESSES, adapt, transport_addresses
from bronzewillow.adapters.network import CONFIG_MAPS, NODES, Cluster, Json, Resource, Us
from bronzewillow.wire.encap import Encap

US = Us("mac-1", (b"\xc0\x00\x02\x02",), uid="u")
NODE = {
    "spec": {"podCIDRs": ["10.10.5.0/24"]},
    "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.2"}]},
}


def cluster(conf: str) -> Cluster:
    config = {"data": {"antrea-agent.conf": conf}}
    return Cluster({NODES: {"mac-1": NODE}, CONFIG_MAPS: {"kube-system/antrea-config": config}})


@pytest.mark.parametrize(
    "conf", ["", "# nothing is set\n", "{", "- a list\n", "[" * 5000, f"a: {'9' * 5000}"]
)
def test_without_a_word_the_defaults_hold(conf: str) -> None:
    [overlay] = adapt(cluster(conf), US).overlays
    assert (overlay.encap, overlay.port, overlay.vni, overlay.any_vni) == (Encap.GENEVE, 6081, 0, True)


def test_one_invalid_transport_address_spoils_them_all() -> None:
    node = {"metadata": {"annotations": {TRANSPORT_ADDRESSES: "192.0.2.1,nonsense"}}}
    assert transport_addresses(node) == {}
    node = {"metadata": {"annotations": {TRANSPORT_ADDRESSES: "192.0.2.1, 2001:db8::1"}}}
    assert sorted(transport_addresses(node)) == [4, 16]


def test_nothing_is_published_where_the_node_says_it_all() -> None:
    assert adapt(cluster(""), US).publications == ()
    other = Us("mac-1", (b"\xc0\x00\x02\x63",), uid="u")
    [publication] = adapt(cluster(""), other).publications
    assert publication.body == {"metadata": {"annotations": {TRANSPORT_ADDRESSES: "192.0.2.99"}}}


def test_a_family_that_we_have_no_address_of_is_refused() -> None:
    verdict = adapt(cluster(""), Us("mac-1", (bytes(15) + b"\x01",), uid="u"))
    assert str(verdict.refusals[0]).startswith("no podCIDR of Node mac-1")


def test_a_node_is_waited_for_then_its_pod_cidr() -> None:
    assert adapt(Cluster(), US).waiting_for == ("the Node mac-1",)
    assert "podCIDR" in adapt(Cluster({NODES: {"mac-1": {}}}), US).waiting_for[0]


def test_pods_leave_room_for_ipv6_outside_where_nodes_have_it() -> None:
    [overlay] = adapt(cluster(""), US).overlays
    assert overlay.mtu == 1450
    both = [{"type": "InternalIP", "address": text} for text in ("192.0.2.1", "2001:db8::1")]
    worker = {"spec": {"podCIDRs": ["10.10.1.0/24"]}, "status": {"addresses": both}}
    objects = cluster("").objects
    nodes = {**objects[NODES], "worker-1": worker}
    [overlay] = adapt(Cluster({**objects, NODES: nodes}), US).overlays
    assert overlay.mtu == 1430


@pytest.mark.parametrize(("conf", "warned"), [("", 1), ("tunnelCsum: false", 1), ("tunnelCsum: true", 0)])
def test_over_ipv6_checksums_are_asked_for(conf: str, warned: int) -> None:
    node = {"spec": {"podCIDRs": ["fd00:5::/64"]}}
    config = {"data": {"antrea-agent.conf": conf}}
    objects: dict[Resource, dict[str, Json]] = {
        NODES: {"mac-1": node},
        CONFIG_MAPS: {"kube-system/antrea-config": config},
    }
    verdict = adapt(Cluster(objects), Us("mac-1", (bytes(15) + b"\x02",), uid="u"))
    assert sum("tunnelCsum" in warning for warning in verdict.warnings) == warned
