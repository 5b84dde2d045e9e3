"""Calico: what the recorded clusters of tests/contract/adapters do not show."""

from __future__ import annotations

import pytest

from bronzewillow.adapters.calico import adapt, leave, vtep_mac
from bronzewillow.adapters.calico_ipam import Datastore
from bronzewillow.adapters.network import NODES, Cluster, Json, Resource, Us

US = Us("mac-1", (b"\xc0\x00\x02\x02",), uid="u")


@pytest.mark.parametrize(
    ("name", "size", "mac"),
    [
        ("mac-1", 4, "66:36:00:37:a4:7c"),
        ("mac-1", 16, "66:fb:52:85:3d:a6"),
        ("worker-1", 4, "66:93:7f:54:d5:53"),
        ("worker-1", 16, "66:d8:48:96:ab:01"),
    ],
)
def test_macs_are_those_that_every_node_computes(name: str, size: int, mac: str) -> None:
    assert vtep_mac(name, size).hex(":") == mac


def test_a_cluster_without_pools_is_not_calicos() -> None:
    assert "no IPPool" in str(adapt(Cluster(), US).refusals[0])
    assert [found.name for found in leave(Cluster(), US)] == ["mac-1"]


def test_a_pool_that_was_given_before_is_found_again() -> None:
    store = Datastore("crd.projectcalico.org", "v1")
    pool = {"spec": {"cidr": "10.65.0.0/26", "vxlanMode": "Always"}}
    cluster = Cluster({store.ip_pools: {"bronzewillow-mac-1": pool}})
    assert adapt(cluster, US).waiting_for == ("the Node mac-1",)


@pytest.mark.parametrize("cidr", ["10.65.0.0/29", "10.65.0.0/32"])
def test_a_pool_must_have_room(cidr: str) -> None:
    store = Datastore("crd.projectcalico.org", "v1")
    pool = {"spec": {"cidr": cidr, "vxlanMode": "Always"}}
    refusals = adapt(Cluster({store.ip_pools: {"bronzewillow-mac-1": pool}}), US).refusals
    assert [refusal.cure for refusal in refusals] == ["give this node a /28 or larger"]


def test_pods_of_both_families_have_the_smaller_mtu() -> None:
    """As Calico's own have it, from the pools that encapsulate."""
    store = Datastore("crd.projectcalico.org", "v1")
    own = {"spec": {"cidr": "10.65.0.0/24", "vxlanMode": "Always"}}
    pools: dict[str, Json] = {"bronzewillow-mac-1": own}
    objects: dict[Resource, dict[str, Json]] = {NODES: {"mac-1": {}}, store.ip_pools: pools}
    [overlay] = adapt(Cluster(objects), US).overlays
    assert overlay.mtu == 1450
    pools["six"] = {"spec": {"cidr": "fd00:64::/48", "vxlanMode": "Always"}}
    [overlay] = adapt(Cluster(objects), US).overlays
    assert overlay.mtu == 1430
