"""That packets arrive is shown in tests/lab, which needs root; here is what adapters make of documents."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

from bronzewillow.adapters.cilium import adapt
from bronzewillow.adapters.detect import detect
from bronzewillow.adapters.network import Cluster, Cni, Us
from bronzewillow.overlay.spec import contains
from bronzewillow.testing.clusters import cluster_of
from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.peers.cilium import NODES, Cilium, CiliumOverV6, identity_of
from bronzewillow.testing.lab.peers.family import V4, V6
from bronzewillow.testing.lab.peers.peer import MAC_NODE, Site

US = Us(MAC_NODE, tuple(ipaddress.ip_address(family.mac_out).packed for family in (V4, V6)), uid="u")


def peer() -> Cilium:
    site = Site(
        Namespace("w"), Namespace("m"), (Namespace("p"), Namespace("q")), Path("/nowhere"), Path("/nowhere")
    )
    return Cilium(site, (V4, V6))


def our_node(*cidrs: str) -> dict[str, Any]:
    spec = {"addresses": [{"type": "InternalIP", "ip": V4.mac_out}], "ipam": {"podCIDRs": list(cidrs)}}
    metadata = {"name": MAC_NODE}
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNode", "metadata": metadata, "spec": spec}


def endpoint(address: str, identity: int) -> dict[str, Any]:
    networking = {"addressing": [{"ipv4": address}], "node": V4.mac_out}
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumEndpoint",
        "metadata": {"namespace": "default", "name": "llm-0"},
        "status": {"identity": {"id": identity}, "networking": networking},
    }


def test_our_node_waits_for_the_operator_and_gets_its_prefixes() -> None:
    worker = peer()
    documents = worker.documents()
    assert detect(cluster_of(documents)) is Cni.CILIUM
    assert adapt(cluster_of(documents), US).waiting_for
    assert worker.operate(cluster_of(documents)) == []
    ((resource, name, patch),) = worker.operate(cluster_of([*documents, our_node()]))
    assert (resource, name) == (NODES, MAC_NODE)
    given = patch["spec"]["ipam"]["podCIDRs"]
    network = adapt(cluster_of([*documents, our_node(*given)]), US)
    (overlay,) = network.overlays
    (known,) = overlay.peers
    for family in (V4, V6):
        for source in (worker.host_source(family), worker.masquerade_source(family)):
            packed = ipaddress.ip_address(source).packed
            assert any(contains(prefix, packed) for prefix in known.prefixes), source


def test_an_identity_counts_once_it_is_there() -> None:
    lonely = cluster_of([endpoint("10.244.7.10", 300)])
    assert identity_of(lonely, "10.244.7.10") == 0
    metadata = {"name": "300"}
    known = {"apiVersion": "cilium.io/v2", "kind": "CiliumIdentity", "metadata": metadata}
    both = cluster_of([endpoint("10.244.7.10", 300), known])
    assert identity_of(both, "10.244.7.10") == 300
    assert identity_of(both, "10.244.7.11") == 0


def test_a_worker_that_knows_nothing_of_us_waits() -> None:
    assert not peer().follow(Cluster())
    assert not peer().follow(cluster_of([our_node(V4.mac_cidr)]))


def test_over_ipv6_both_families_go_by_one_tunnel_and_leave_room_for_it() -> None:
    worker = CiliumOverV6(peer().site, (V4, V6))
    documents = [*worker.documents(), our_node(V4.mac_cidr, V6.mac_cidr)]
    (overlay,) = adapt(cluster_of(documents), US).overlays
    assert overlay.address == US.addresses[1]
    assert overlay.mtu == worker.pod_mtu == 1430
