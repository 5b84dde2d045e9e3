"""That packets arrive is shown in tests/lab, which needs root; here is what adapters make of documents."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from bronzewillow.adapters.calico import adapt
from bronzewillow.adapters.detect import detect
from bronzewillow.adapters.network import Cluster, Cni, Us
from bronzewillow.testing.clusters import cluster_of
from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.peers.calico import Calico
from bronzewillow.testing.lab.peers.family import V4, V6
from bronzewillow.testing.lab.peers.peer import MAC_NODE, Site


def peer() -> Calico:
    site = Site(
        Namespace("w"), Namespace("m"), (Namespace("p"), Namespace("q")), Path("/nowhere"), Path("/nowhere")
    )
    return Calico(site, (V4, V6))


def test_the_documents_are_a_calico_cluster_of_both_families() -> None:
    worker = peer()
    cluster = cluster_of(worker.documents())
    assert detect(cluster) is Cni.CALICO
    pools = [ipaddress.ip_network(text) for text in worker.agent_options[1::2]]
    us = Us(
        MAC_NODE,
        tuple(ipaddress.ip_address(family.mac_out).packed for family in (V4, V6)),
        pod_pools=tuple((pool.network_address.packed, pool.prefixlen) for pool in pools),
    )
    network = adapt(cluster, us)
    assert not network.refusals and not network.warnings
    for overlay, family in zip(network.overlays, (V4, V6), strict=True):
        (known,) = overlay.peers
        assert known.mac.hex(":") == worker.mac(family)
        borrowed = ipaddress.ip_address(worker.host_source(family)).packed
        assert (borrowed, family.host_length) in known.prefixes
        assert all(overlay.owns(ipaddress.ip_address(pod).packed) for pod in worker.mac_pods(family))


def test_a_worker_that_knows_nothing_of_us_waits() -> None:
    assert not peer().follow(Cluster())
    assert not peer().follow(cluster_of(peer().documents()))


def test_its_macs_are_made_of_its_name() -> None:
    assert (peer().mac(V4), peer().mac(V6)) == ("66:93:7f:54:d5:53", "66:d8:48:96:ab:01")
