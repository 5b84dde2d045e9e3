"""Flannel: what the recorded clusters of tests/contract/adapters do not show."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bronzewillow.adapters.flannel import PREFIX, adapt, is_peer
from bronzewillow.adapters.network import NODES, Cluster, Us

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
    assert str(adapt(found, US).refusals[0]).startswith("Node mac-1 has podCIDRs of IPv6, and no underlay")


def test_nothing_is_published_before_there_is_a_node() -> None:
    verdict = adapt(Cluster(), US)
    assert verdict.waiting_for == ("the Node mac-1",)
    assert verdict.overlays == ()
    assert verdict.publications == ()


def test_is_peer() -> None:
    assert is_peer(worker())
    assert not is_peer(worker(backend_type="host-gw"))
    assert not is_peer({})
