"""Calico's books."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bronzewillow.adapters import objects
from bronzewillow.adapters.calico_ipam import Datastore, first_block, fits, prefixes_by_node, publish
from bronzewillow.adapters.network import Cluster, OwnPod, Us, Write

STORE = Datastore("crd.projectcalico.org", "v1")
POOL = (b"\x0a\x41\x00\x00", 28)


def pod(name: str, last: int) -> OwnPod:
    return OwnPod("default", name, f"u-{name}", {}, "default", (bytes((10, 65, 0, last)),), f"s-{name}")


US = Us("mac-1", (b"\xc0\x00\x02\x02",), uid="u", pods=(pod("a", 5),))


def block(cluster: Cluster, us: Us) -> dict[str, Any]:
    [found] = [p for p in publish(cluster, STORE, us, [POOL]) if p.resource == STORE.blocks]
    return dict(found.body["spec"])


@pytest.mark.parametrize(
    ("pool", "length"),
    [
        ("10.65.0.0/24", 24),
        ("10.65.0.0/16", 26),
        ("10.65.0.0/28", 28),
        ("fd00:65::/64", 122),
        ("fd00:65::/120", 120),
    ],
)
def test_a_block_is_the_pool_where_it_may_be(pool: str, length: int) -> None:
    network = objects.prefix(pool)
    assert network is not None
    assert first_block(network) == (network[0], length)
    assert fits(network)


def test_addresses_come_and_go_in_the_block_and_its_number_moves() -> None:
    first = block(Cluster(), US)
    assert first["allocations"][1] == 0
    assert first["allocations"][5] == 1
    assert first["sequenceNumberForAllocation"] == {"1": 1, "5": 1}
    seen = Cluster({STORE.blocks: {"10-65-0-0-28": {"spec": first}}})
    assert block(seen, US) == first
    second = block(seen, replace(US, pods=(pod("a", 5), pod("b", 6))))
    assert second["sequenceNumber"] == 2
    assert second["sequenceNumberForAllocation"] == {"1": 1, "5": 1, "6": 2}
    third = block(Cluster({STORE.blocks: {"10-65-0-0-28": {"spec": second}}}), replace(US, pods=()))
    assert third["unallocated"] == [0, *range(2, 16)]
    assert third["sequenceNumberForAllocation"] == {"1": 1}


def test_an_address_outside_the_block_is_not_booked() -> None:
    assert block(Cluster(), replace(US, pods=(pod("far", 99),)))["sequenceNumberForAllocation"] == {"1": 1}


def test_the_affinity_is_pending_first_and_confirmed_after_the_block() -> None:
    def states(cluster: Cluster) -> list[tuple[str, str]]:
        return [
            (str(p.resource.plural), p.body["spec"].get("state", ""))
            for p in publish(cluster, STORE, US, [POOL])
            if p.resource in (STORE.blocks, STORE.affinities)
        ]

    assert states(Cluster()) == [("blockaffinities", "pending"), ("ipamblocks", "")]
    seen = Cluster({STORE.affinities: {"mac-1-10-65-0-0-28": {}}})
    assert states(seen) == [("ipamblocks", ""), ("blockaffinities", "confirmed")]


def test_only_vxlan_pools_make_routes_and_borrowed_addresses_go_to_the_borrower() -> None:
    spec = {
        "cidr": "10.64.1.0/26",
        "affinity": "host:worker-1",
        "allocations": [None, 0, 7, "x"],
        "attributes": [{"secondary": {"node": "worker-2"}}],
    }
    blocks = {"10-64-1-0-26": {"spec": spec}}
    for mode, expected in (("Never", {}), ("CrossSubnet", {"worker-1": 26, "worker-2": 32})):
        pools = {"default": {"spec": {"cidr": "10.64.0.0/16", "vxlanMode": mode}}}
        found = prefixes_by_node(Cluster({STORE.ip_pools: pools, STORE.blocks: blocks}), STORE, 4)
        assert {name: prefixes[0][1] for name, prefixes in found.items()} == expected


def test_deleted_is_text_in_the_older_group_only() -> None:
    assert STORE.deleted(False) == "false"
    assert Datastore("projectcalico.org", "v3").deleted(False) is False


def test_a_pod_of_both_families_has_one_handle_for_its_addresses_in_both_blocks() -> None:
    six = objects.prefix("fd00:65::/120")
    assert six is not None
    both = replace(pod("a", 5), addresses=(bytes((10, 65, 0, 5)), six[0][:15] + b"\x05"))
    us = replace(US, pods=(both,))
    found = publish(Cluster(), STORE, us, [POOL, six])
    handles = {one.name: one.body["spec"]["block"] for one in found if one.resource == STORE.handles}
    assert handles["k8s-pod-network.s-a"] == {"10.65.0.0/28": 1, "fd00:65::/120": 1}
    assert len(handles) == 3
    held = {name: {"spec": {"block": blocks}} for name, blocks in handles.items()}
    foreign = {"other": {"spec": {"block": {"10.65.0.0/28": 1, "10.64.0.0/26": 1}}}}
    gone = publish(Cluster({STORE.handles: held | foreign}), STORE, replace(US, pods=()), [POOL, six])
    assert [one.name for one in gone if one.write is Write.DELETE] == ["k8s-pod-network.s-a"]
