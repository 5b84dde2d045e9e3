"""That it works is shown in tests/lab, which needs root."""

from __future__ import annotations

from pathlib import Path

from bronzewillow.cluster.pods import own_pods
from bronzewillow.testing.lab.joined import PODS, Joined
from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.peers.family import V4, V6
from bronzewillow.testing.lab.peers.flannel import Flannel
from bronzewillow.testing.lab.peers.peer import MAC_NODE, Site


def test_our_pods_are_in_the_cluster_with_the_addresses_that_are_leased(tmp_path: Path) -> None:
    site = Site(Namespace("w"), Namespace("m"), (Namespace("p"), Namespace("q")), tmp_path, tmp_path)
    lab = Joined(Flannel(site, (V4, V6)), tmp_path)
    documents = lab.pod_documents()
    assert {one["spec"]["nodeName"] for one in documents} == {MAC_NODE}
    found = own_pods(documents, {})
    assert [pod.name for pod in found] == list(PODS)
    assert [len(address) for address in found[0].addresses] == [4, 16]
