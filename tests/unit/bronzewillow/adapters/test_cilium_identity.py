"""Identities: equal labels have one number, which is spoken once the cluster has it."""

from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.adapters.cilium_identity import (
    CILIUM_ENDPOINTS,
    CILIUM_IDENTITIES,
    identify,
    security_labels,
)
from bronzewillow.adapters.network import NAMESPACES, Cluster, OwnPod, Us


def pod(name: str, **labels: str) -> OwnPod:
    return OwnPod("default", name, f"u-{name}", labels, "default", (b"\x0a\x00\x05\x07",))


def us(*pods: OwnPod) -> Us:
    return Us("mac-1", (b"\xc0\x00\x02\x02",), uid="u", pods=pods)


def identity(labels: dict[str, str], created: str = "") -> dict[str, Any]:
    return {"metadata": {"creationTimestamp": created}, "security-labels": labels}


def test_pods_of_equal_labels_share_a_number() -> None:
    found = identify(Cluster(), us(pod("a", app="x"), pod("b", app="x"), pod("c", app="y")), {})
    names = [p.name for p in found.publications]
    assert len(names) == len(set(names)) == 2
    assert found.vnis == ()  # nobody else knows them yet


def test_the_oldest_of_several_counts() -> None:
    labels = security_labels(Cluster(), pod("a", app="x"), "default")
    cluster = Cluster(
        {
            CILIUM_IDENTITIES: {
                "300": identity(labels, "2026-02-01T00:00:00Z"),
                "4000": identity(labels, "2026-01-01T00:00:00Z"),
                "nonsense": identity(labels),
            }
        }
    )
    assert identify(cluster, us(pod("a", app="x")), {}).vnis == ((b"\x0a\x00\x05\x07", 4000),)


def test_a_number_that_others_have_is_not_taken() -> None:
    [first] = identify(Cluster(), us(pod("a", app="x")), {}).publications
    taken = Cluster({CILIUM_IDENTITIES: {first.name: identity({"k8s:app": "other"})}})
    [second] = identify(taken, us(pod("a", app="x")), {}).publications
    assert int(second.name) == int(first.name) + 1
    assert 256 <= int(second.name) <= 65_535


@pytest.mark.parametrize(
    "label",
    [
        "pod-template-hash",
        "controller-revision-hash",
        "statefulset.kubernetes.io/pod-name",
        "beta.kubernetes.io/os",
    ],
)
def test_labels_that_say_nothing_make_no_identity(label: str) -> None:
    labels = security_labels(Cluster(), pod("a", **{label: "1", "app.kubernetes.io/name": "x"}), "default")
    assert f"k8s:{label}" not in labels
    assert labels["k8s:app.kubernetes.io/name"] == "x"


def test_the_namespaces_labels_are_part_of_it() -> None:
    cluster = Cluster({NAMESPACES: {"default": {"metadata": {"labels": {"team": "llm"}}}}})
    labels = security_labels(cluster, pod("a"), "east")
    assert labels == {
        "k8s:io.cilium.k8s.namespace.labels.team": "llm",
        "k8s:io.cilium.k8s.policy.cluster": "east",
        "k8s:io.cilium.k8s.policy.serviceaccount": "default",
        "k8s:io.kubernetes.pod.namespace": "default",
    }


def test_endpoints_of_pods_that_are_gone_go() -> None:
    here = {"status": {"networking": {"node": "192.0.2.2"}}}
    there = {"status": {"networking": {"node": "192.0.2.1"}}}
    cluster = Cluster({CILIUM_ENDPOINTS: {"default/gone": here, "default/other": there}})
    [publication] = identify(cluster, us(), {}).publications
    assert (publication.write.value, publication.name) == ("delete", "default/gone")
