"""Each adapter on recorded clusters: objects in, the overlay and what is published out, as files to review.

A verdict that is meant to change is written anew with `UPDATE_SNAPSHOTS=1 pytest tests/contract/adapters`.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bronzewillow.adapters.detect import ADAPTERS, detect, leave
from bronzewillow.adapters.network import Cluster, Cni, Resource
from bronzewillow.testing.clusters import cluster_of, load_cluster, render
from bronzewillow.wire.ethernet import MacRule

_FOLDER = Path(__file__).with_name("clusters")
_RECORDED = sorted(_FOLDER.glob("*.yaml"))
_names = pytest.mark.parametrize("path", _RECORDED, ids=lambda path: path.stem)


def cni_of(path: Path) -> Cni:
    return Cni(path.stem.partition("-")[0])


@_names
def test_verdict(path: Path) -> None:
    cluster, us = load_cluster(path)
    verdict = render(ADAPTERS[cni_of(path)](cluster, us))
    golden = path.with_suffix(".txt")
    if os.environ.get("UPDATE_SNAPSHOTS"):
        golden.write_text(verdict, encoding="utf-8")
    assert verdict == golden.read_text(encoding="utf-8")


@_names
def test_a_rule_for_macs_binds_peers_that_promise_to_know_ours(path: Path) -> None:
    cluster, us = load_cluster(path)
    promise = cni_of(path) in (Cni.FLANNEL, Cni.CALICO)
    for rule in MacRule:
        for overlay in ADAPTERS[cni_of(path)](cluster, replace(us, mac_rule=rule)).overlays:
            assert overlay.mac_rule is (rule if promise else MacRule.ANY)


@_names
def test_the_cluster_shows_its_cni(path: Path) -> None:
    cluster, _ = load_cluster(path)
    found = detect(cluster)
    assert found in (cni_of(path), None)
    telling = {"flannel-kubeadm", "antrea-geneve", "calico-operator", "cilium-cluster-pool"}
    assert found is not None or path.stem not in telling


@_names
def test_the_order_of_what_was_seen_does_not_matter(path: Path) -> None:
    cluster, us = load_cluster(path)
    adapt = ADAPTERS[cni_of(path)]
    expected = adapt(cluster, us)
    rng = random.Random(path.stem)
    for _ in range(10):
        kinds = list(cluster.objects.items())
        rng.shuffle(kinds)
        shuffled = {}
        for resource, found in kinds:
            items = list(found.items())
            rng.shuffle(items)
            shuffled[resource] = dict(items)
        assert adapt(Cluster(shuffled), us) == expected


@_names
def test_what_is_published_is_published_once(path: Path) -> None:
    """An adapter that sees its own publications asks for nothing else."""
    cluster, us = load_cluster(path)
    adapt = ADAPTERS[cni_of(path)]
    seen = cluster
    for _ in range(6):
        verdict = adapt(seen, us)
        seen = _after(seen, verdict.publications)
    assert adapt(seen, us) == adapt(_after(seen, adapt(seen, us).publications), us)


def _after(cluster: Cluster, publications: object) -> Cluster:
    found: dict[Resource, dict[str, object]] = {kind: dict(items) for kind, items in cluster.objects.items()}
    for publication in publications:  # type: ignore[attr-defined]
        kind = found.setdefault(publication.resource, {})
        if publication.write.value == "delete":
            kind.pop(publication.name, None)
        else:
            kind[publication.name] = _merged(kind.get(publication.name, {}), publication.body)
    return Cluster(found)  # type: ignore[arg-type]


def _merged(old: object, new: object) -> object:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["10.0.0.0/24", "::1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@_names
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_whatever_stands_in_objects_is_a_verdict(path: Path, data: st.DataObject) -> None:
    cluster, us = load_cluster(path)
    objects = {
        kind: {name: dict(obj) for name, obj in found.items()} for kind, found in cluster.objects.items()
    }
    kind = data.draw(st.sampled_from(sorted(objects, key=str)))
    name = data.draw(st.sampled_from(sorted(objects[kind])))
    obj = objects[kind][name]
    at: dict[str, object] = obj
    for _ in range(data.draw(st.integers(0, 3))):
        keys = [key for key in at if isinstance(at[key], dict)]
        if not keys:
            break
        key = data.draw(st.sampled_from(sorted(keys)))
        inner = at[key]
        assert isinstance(inner, dict)
        at[key] = at = dict(inner)
    if at:
        at[data.draw(st.sampled_from(sorted(at)))] = data.draw(_json)
    verdict = ADAPTERS[cni_of(path)](Cluster(objects), us)
    assert render(verdict)
    leave(cni_of(path), Cluster(objects), us)


def test_leaving_calico_withdraws_the_vtep_before_the_addresses() -> None:
    cluster, us = load_cluster(_FOLDER / "calico-operator.yaml")
    for _ in range(3):
        cluster = _after(cluster, ADAPTERS[Cni.CALICO](cluster, us).publications)
    written = [
        (found.write.value, str(found.resource), found.name) for found in leave(Cni.CALICO, cluster, us)
    ]
    assert written == [
        ("merge status", "nodes", "mac-1"),
        ("delete", "ipamhandles.crd.projectcalico.org", "k8s-pod-network.4f1c"),
        ("delete", "ipamhandles.crd.projectcalico.org", "vxlan-tunnel-addr-mac-1"),
        ("delete", "ipamblocks.crd.projectcalico.org", "10-65-0-0-28"),
        ("delete", "blockaffinities.crd.projectcalico.org", "mac-1-10-65-0-0-28"),
        ("delete", "ippools.crd.projectcalico.org", "bronzewillow-mac-1"),
    ]


def test_leaving_cilium_deletes_endpoints_before_the_node() -> None:
    cluster, us = load_cluster(_FOLDER / "cilium-cluster-pool.yaml")
    assert [found.name for found in leave(Cni.CILIUM, cluster, us)] == ["default/gone-0", "mac-1"]


def test_flannel_and_antrea_follow_the_node_object() -> None:
    cluster, us = load_cluster(_FOLDER / "flannel-kubeadm.yaml")
    assert leave(Cni.FLANNEL, cluster, us) == leave(Cni.ANTREA, cluster, us) == ()


def test_nobody_is_nobodys_cluster() -> None:
    assert detect(cluster_of([])) is None
