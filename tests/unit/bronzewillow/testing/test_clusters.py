"""Recorded clusters."""

from __future__ import annotations

from bronzewillow.adapters.network import ClusterNetwork, Cni, Refusal, Resource
from bronzewillow.testing.clusters import cluster_of, render


def test_objects_are_kept_by_kind_and_name() -> None:
    cluster = cluster_of(
        [
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}},
            {"apiVersion": "cilium.io/v2", "kind": "CiliumIdentity", "metadata": {"name": "300"}},
            {"apiVersion": "crd.projectcalico.org/v1", "kind": "BlockAffinity", "metadata": {"name": "b"}},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "kube-system", "name": "c"}},
        ]
    )
    assert {(str(kind), name) for kind, found in cluster.objects.items() for name in found} == {
        ("nodes", "a"),
        ("ciliumidentities.cilium.io", "300"),
        ("blockaffinities.crd.projectcalico.org", "b"),
        ("configmaps", "kube-system/c"),
    }
    assert Resource("cilium.io", "v2", "ciliumidentities") in cluster.objects


def test_a_verdict_is_text() -> None:
    verdict = ClusterNetwork(Cni.FLANNEL, waiting_for=("a podCIDR",), refusals=(Refusal("no", "yes"),))
    assert render(verdict) == "cni flannel\nwaiting for a podCIDR\nrefused: no; yes\n"
