"""In whatever order a cluster's objects come, change, go and come back: the same network in the end.

An endpoint that was taken through all of it sends as one does that was made at the end.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bronzewillow.adapters.detect import ADAPTERS
from bronzewillow.adapters.network import Cluster, Cni, Json, Resource
from bronzewillow.overlay.spec import OverlaySpec, node_address
from bronzewillow.overlay.vtep import Vtep
from bronzewillow.testing.clusters import load_cluster
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.ipv6 import Ipv6Packet

_RECORDED = sorted((Path(__file__).parents[2] / "contract/adapters/clusters").glob("*.yaml"))
Event = tuple[Resource, str, Json | None]


def bare(obj: Json) -> dict[str, Any]:
    """An object before controllers and agents have written into it."""
    metadata = {key: value for key, value in obj["metadata"].items() if key != "annotations"}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata}


def histories(kind: Resource, name: str, obj: Json) -> list[list[Event]]:
    """Ways in which an object comes to be what it is; None: it is gone."""
    final, early, gone = (kind, name, obj), (kind, name, bare(obj)), (kind, name, None)
    return [
        [final],
        [early, final],
        [final, gone, final],
        [early, gone, early, final],
        [final, early, final],
    ]


@st.composite
def events(draw: st.DrawFn, cluster: Cluster) -> list[Event]:
    chosen = [
        draw(st.sampled_from(histories(kind, name, obj)))
        for kind, found in cluster.objects.items()
        for name, obj in found.items()
    ]
    turns = draw(st.permutations([number for number, one in enumerate(chosen) for _ in one]))
    ways = [iter(one) for one in chosen]
    return [next(ways[number]) for number in turns]


def probes(spec: OverlaySpec) -> list[Ipv4Packet | Ipv6Packet]:
    """A packet to each prefix of each peer."""
    ours = {len(network): node_address((network, length)) for network, length in spec.pod_cidrs}
    found: list[Ipv4Packet | Ipv6Packet] = []
    for network, length in (prefix for peer in spec.peers for prefix in peer.prefixes):
        if len(network) in ours:
            within = length < 8 * len(network)
            to = (int.from_bytes(network, "big") + within).to_bytes(len(network), "big")
            kind = Ipv4Packet if len(network) == 4 else Ipv6Packet
            found.append(kind(ours[len(network)], to, 17, b"text"))
    return found


def identity(spec: OverlaySpec) -> OverlaySpec:
    return replace(spec, peers=(), source_vnis=())


@pytest.mark.parametrize("path", _RECORDED, ids=lambda path: path.stem)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_any_order_ends_in_the_same_network(path: Path, data: st.DataObject) -> None:
    cluster, us = load_cluster(path)
    adapt = ADAPTERS[Cni(path.stem.partition("-")[0])]
    expected = adapt(cluster, us)
    objects: dict[Resource, dict[str, Json]] = {}
    endpoints: dict[OverlaySpec, Vtep] = {}
    network = None
    for kind, name, obj in data.draw(events(cluster)):
        found = objects.setdefault(kind, {})
        if obj is None:
            del found[name]
        else:
            found[name] = obj
        network = adapt(Cluster(objects), us)
        for spec in network.overlays:
            endpoints.setdefault(identity(spec), Vtep(spec)).update(spec)
    assert network == expected
    for spec in expected.overlays:
        used, new = endpoints[identity(spec)], Vtep(spec)
        for packet in probes(spec):
            sent = used.encap(packet, 0)
            assert sent is not None
            assert sent == new.encap(packet, 0)
