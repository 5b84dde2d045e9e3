"""That packets arrive is shown in tests/lab, which needs root; here is what adapters make of documents."""

from __future__ import annotations

import json
from pathlib import Path

from bronzewillow.adapters.detect import detect
from bronzewillow.adapters.flannel import adapt
from bronzewillow.adapters.network import Cluster, Cni, Us
from bronzewillow.testing.clusters import cluster_of
from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.peers.family import V4, V6
from bronzewillow.testing.lab.peers.flannel import Flannel
from bronzewillow.testing.lab.peers.peer import MAC_NODE, Site

US = Us(MAC_NODE, (bytes((192, 0, 2, 2)), bytes.fromhex("20010db8000000000000000000000002")))


def peer() -> Flannel:
    site = Site(
        Namespace("w"), Namespace("m"), (Namespace("p"), Namespace("q")), Path("/nowhere"), Path("/nowhere")
    )
    return Flannel(site, (V4, V6))


def test_the_documents_are_a_flannel_cluster_of_both_families() -> None:
    worker = peer()
    cluster = cluster_of(worker.documents())
    assert detect(cluster) is Cni.FLANNEL
    network = adapt(cluster, US)
    assert [overlay.peers[0].mac.hex(":") for overlay in network.overlays] == [worker.mac(V4), worker.mac(V6)]
    assert not network.warnings


def test_a_worker_that_knows_nothing_of_us_waits() -> None:
    assert not peer().follow(Cluster())
    assert not peer().follow(cluster_of(peer().documents()))


def test_another_mac_is_another_annotation() -> None:
    (text,) = peer().mac_annotations(V6, "02:99:99:99:99:99").values()
    assert json.loads(text) == {"VNI": 1, "VtepMAC": "02:99:99:99:99:99"}
