"""That packets arrive is shown in tests/lab, which needs root; here is what adapters make of documents."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from bronzewillow.adapters.antrea import adapt
from bronzewillow.adapters.detect import detect
from bronzewillow.adapters.network import Cluster, Cni, Us
from bronzewillow.testing.clusters import cluster_of
from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.peers.antrea import Antrea, AntreaVxlan
from bronzewillow.testing.lab.peers.family import V4, V6
from bronzewillow.testing.lab.peers.peer import MAC_NODE, Site

US = Us(MAC_NODE, tuple(ipaddress.ip_address(family.mac_out).packed for family in (V4, V6)))


@pytest.mark.parametrize(("kind", "warned"), [(Antrea, 0), (AntreaVxlan, 1)])
def test_the_documents_are_an_antrea_cluster_of_both_families(kind: type[Antrea], warned: int) -> None:
    site = Site(
        Namespace("w"), Namespace("m"), (Namespace("p"), Namespace("q")), Path("/nowhere"), Path("/nowhere")
    )
    worker = kind(site, (V4, V6))
    cluster = cluster_of(worker.documents())
    assert detect(cluster) is Cni.ANTREA
    network = adapt(cluster, US)
    assert len(network.warnings) == warned
    assert [overlay.encap.value for overlay in network.overlays] == [worker.encap] * 2
    assert {overlay.mtu for overlay in network.overlays} == {worker.pod_mtu}


def test_a_worker_that_knows_nothing_of_us_waits() -> None:
    site = Site(Namespace("w"), Namespace("m"), (), Path("/nowhere"), Path("/nowhere"))
    assert not Antrea(site, (V4,)).follow(Cluster())
