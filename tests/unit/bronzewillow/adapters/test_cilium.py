"""Cilium: what the recorded clusters of tests/contract/adapters do not show."""

from __future__ import annotations

import pytest

from bronzewillow.adapters.cilium import WORLD, adapt, leave
from bronzewillow.adapters.cilium_identity import CILIUM_NODES
from bronzewillow.adapters.network import CONFIG_MAPS, NODES, Cluster, Us

US = Us("mac-1", (b"\xc0\x00\x02\x02",), uid="u")


def cluster(**conf: str) -> Cluster:
    data = {"data": {key.replace("_", "-"): value for key, value in conf.items()}}
    own = {"spec": {"ipam": {"podCIDRs": ["10.0.5.0/24"]}}}
    return Cluster(
        {CONFIG_MAPS: {"kube-system/cilium-config": data}, NODES: {"mac-1": {}}, CILIUM_NODES: {"mac-1": own}}
    )


def test_without_identities_our_pods_are_the_world() -> None:
    [overlay] = adapt(cluster(), US).overlays
    assert (overlay.vni, overlay.any_vni, overlay.port) == (WORLD, True, 8472)


def test_older_clusters_name_the_tunnel() -> None:
    [overlay] = adapt(cluster(tunnel="geneve"), US).overlays
    assert (overlay.encap.value, overlay.port) == ("geneve", 6081)


@pytest.mark.parametrize("port", ["", "none", "-1"])
def test_a_port_that_is_none_is_the_default(port: str) -> None:
    [overlay] = adapt(cluster(tunnel_port=port), US).overlays
    assert overlay.port == 8472


def test_the_node_must_have_its_uid_before_it_owns_anything() -> None:
    assert adapt(cluster(), Us("mac-1", US.addresses)).waiting_for == ("the Node mac-1",)


def test_the_underlays_family_is_the_clusters_choice() -> None:
    assert "asks for IPv6" in str(adapt(cluster(underlay_protocol="ipv6"), US).refusals[0])


def test_nothing_is_withdrawn_that_is_not_there() -> None:
    assert leave(Cluster(), US) == ()


def test_an_underlay_of_ipv6_is_without_checksums_and_told_of() -> None:
    us = Us("mac-1", (bytes(15) + b"\x02",), uid="u")
    [warning] = adapt(cluster(underlay_protocol="ipv6"), us).warnings
    assert "no UDP checksum" in warning
    assert adapt(cluster(), US).warnings == ()
