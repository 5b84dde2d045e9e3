"""The words of adapters."""

from __future__ import annotations

from bronzewillow.adapters.network import CONFIG_MAPS, NODES, Cluster, Refusal, Resource


def test_a_cluster_is_asked_by_kind_and_name() -> None:
    cluster = Cluster({NODES: {"worker-1": {"spec": {}}}, CONFIG_MAPS: {"kube-system/a": {"data": {}}}})
    assert cluster.node("worker-1") == {"spec": {}}
    assert cluster.node("worker-2") is None
    assert cluster.config_map("kube-system", "a") == {"data": {}}
    assert cluster.all(Resource("cilium.io", "v2", "ciliumnodes")) == {}


def test_a_resource_is_written_as_kubectl_takes_it() -> None:
    assert str(NODES) == "nodes"
    assert str(Resource("cilium.io", "v2", "ciliumnodes")) == "ciliumnodes.cilium.io"


def test_a_refusal_has_reason_and_cure_in_one_line() -> None:
    assert (
        str(Refusal("routing-mode is native", "set it to tunnel"))
        == "routing-mode is native; set it to tunnel"
    )
