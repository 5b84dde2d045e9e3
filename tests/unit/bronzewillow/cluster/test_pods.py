"""Pod objects."""

from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.cluster.pods import PodViews, own_pods, world, world_of

POD: dict[str, Any] = {
    "metadata": {"namespace": "default", "name": "llm-0", "uid": "u-1", "labels": {"app": "llm", "n": 1}},
    "spec": {
        "serviceAccountName": "llm",
        "containers": [{"ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 9}]}],
        "initContainers": [{"ports": [{"name": "side", "protocol": "UDP", "containerPort": 53}]}],
    },
    "status": {"phase": "Running", "podIP": "10.0.5.7", "podIPs": [{"ip": "10.0.5.7"}, {"ip": "fd00::7"}]},
}


def test_a_pod_of_ours() -> None:
    [pod] = own_pods([POD], {bytes((10, 0, 5, 7)): "sandbox-1"})
    assert (pod.namespace, pod.name, pod.uid, pod.service_account) == ("default", "llm-0", "u-1", "llm")
    assert dict(pod.labels) == {"app": "llm"}
    assert [len(address) for address in pod.addresses] == [4, 16]
    assert pod.sandbox == "sandbox-1"
    assert pod.ports == (("side", 53), ("http", 8080))


@pytest.mark.parametrize(
    "changes",
    [
        {"status": {}},
        {"status": {"phase": "Failed", "podIP": "10.0.5.7"}},
        {"status": {"phase": "Running", "podIP": "nowhere"}},
        {"spec": {"hostNetwork": True}},
    ],
)
def test_a_pod_without_an_address_of_its_own_is_none(changes: dict[str, Any]) -> None:
    assert own_pods([{**POD, **changes}], {}) == ()
    assert all(not pod.addresses for pod in world([{**POD, **changes}], [], []).pods)


@pytest.mark.parametrize(
    ("changes", "count"),
    [({"status": {}}, 1), ({"status": {"phase": "Failed"}}, 0), ({"spec": {"hostNetwork": True}}, 0)],
)
def test_a_pod_that_will_have_an_address_has_rules_already(changes: dict[str, Any], count: int) -> None:
    assert len(world([{**POD, **changes}], [], []).pods) == count


def test_the_world_of_policies() -> None:
    namespaces = [{"metadata": {"name": "default", "labels": {"team": "x"}}}]
    found = world([POD], namespaces, [{"spec": {}}])
    assert str(found.pods[0]) == "default/llm-0"
    assert found.pods[0].ports == (("side", "UDP", 53), ("http", "TCP", 8080))
    assert found.namespaces == {"default": {"team": "x"}}
    assert len(found.policies) == 1


def test_of_the_world_only_what_concerns_our_pods_is_looked_at() -> None:
    other = {**POD, "metadata": {**POD["metadata"], "name": "other"}}
    foreign = {"metadata": {"namespace": "team", "name": "p"}, "spec": {}}
    ours = {"metadata": {"namespace": "default", "name": "p"}, "spec": {}}
    found = world_of({"default/llm-0"}, [POD, other], [], [foreign])
    assert ([str(pod) for pod in found.pods], found.policies) == (["default/llm-0"], ())
    whole = world_of({"default/llm-0"}, [POD, other], [{"metadata": {"name": "default"}}], [foreign, ours])
    assert ([str(pod) for pod in whole.pods], whole.policies) == (["default/llm-0", "default/other"], (ours,))
    assert "default" in whole.namespaces


def test_a_view_is_made_anew_when_its_object_is_another() -> None:
    views = PodViews()
    (first,) = views.of([POD])
    assert views.of([POD])[0] is first
    changed = {**POD, "metadata": {**POD["metadata"], "labels": {"app": "other"}}}
    (second,) = views.of([changed])
    assert second.labels == {"app": "other"}
    assert views.of([POD])[0] is not first  # it was forgotten
