from __future__ import annotations

from bronzewillow.adapters import objects
from bronzewillow.testing.lab.peers.family import V4, V6
from bronzewillow.testing.lab.peers.peer import MAC_NODE, WORKER_NODE, nodad, node_document


def test_a_node_has_addresses_and_cidrs_of_each_family() -> None:
    node = node_document(WORKER_NODE, (V4, V6), {"note": "here"})
    assert [objects.text_of(packed) for packed in objects.node_addresses(node).values()] == [
        V4.worker_out,
        V6.worker_out,
    ]
    assert [objects.text_of_prefix(cidr) for cidr in objects.pod_cidrs(node)] == [
        V4.worker_cidr,
        V6.worker_cidr,
    ]
    assert objects.annotations_of(node) == {"note": "here"}
    assert objects.pod_cidrs(node_document(MAC_NODE, (V4,), cidrs=False)) == ()


def test_only_ipv6_has_duplicates_to_look_for() -> None:
    assert nodad(V4) == ()
    assert nodad(V6) == ("nodad",)
