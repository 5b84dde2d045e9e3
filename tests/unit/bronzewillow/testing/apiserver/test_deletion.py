from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bronzewillow.kube.resources import NODES, PODS, Object, Resource
from bronzewillow.testing.apiserver.calls import ANONYMOUS, Call
from bronzewillow.testing.apiserver.deletion import check_preconditions, is_over, mark
from bronzewillow.testing.apiserver.kinds import Kind
from bronzewillow.testing.apiserver.refusals import Refused

NOW = datetime(2025, 1, 1, tzinfo=UTC)


def pod(node: str = "mac", phase: str = "Running", **metadata: Any) -> Object:
    about = {"name": "a", "uid": "u", "resourceVersion": "7", **metadata}
    spec = {"nodeName": node, "terminationGracePeriodSeconds": 30}
    return {"metadata": about, "spec": spec, "status": {"phase": phase}}


def delete(obj: Object, resource: Resource = PODS, **options: Any) -> bool:
    return mark(Call(ANONYMOUS, "delete", kind=Kind(resource)), obj, options, NOW)


def test_a_running_pod_is_marked() -> None:
    obj = pod(generation=1)
    assert not delete(obj)
    metadata = obj["metadata"]
    assert metadata["deletionTimestamp"] == "2025-01-01T00:00:30Z"
    assert metadata["deletionGracePeriodSeconds"] == 30
    assert metadata["generation"] == 2


def test_the_grace_may_become_shorter_only() -> None:
    obj = pod()
    delete(obj, gracePeriodSeconds=60)
    assert not delete(obj, gracePeriodSeconds=90)
    assert obj["metadata"]["deletionGracePeriodSeconds"] == 60
    assert not delete(obj)
    assert not delete(obj, gracePeriodSeconds=10)
    assert obj["metadata"]["deletionTimestamp"] == "2025-01-01T00:00:10Z"
    assert delete(obj, gracePeriodSeconds=0)


@pytest.mark.parametrize("obj", [pod(node=""), pod(phase="Succeeded"), pod(phase="Failed")])
def test_pods_that_nobody_runs_go_at_once(obj: Object) -> None:
    assert delete(obj)


def test_grace_of_none() -> None:
    assert delete(pod(), gracePeriodSeconds=0)
    obj = pod()
    delete(obj, gracePeriodSeconds=-5)
    assert obj["metadata"]["deletionGracePeriodSeconds"] == 1


def test_finalizers_hold_an_object() -> None:
    node: Object = {"metadata": {"name": "a", "finalizers": ["x"]}}
    assert not delete(node, NODES)
    assert not is_over(node)
    node["metadata"]["finalizers"] = []
    assert is_over(node)
    assert delete({"metadata": {"name": "a"}}, NODES)


def test_preconditions() -> None:
    call = Call(ANONYMOUS, "delete", kind=Kind(PODS))
    check_preconditions(call, pod(), {"preconditions": {"uid": "u", "resourceVersion": "7"}})
    for wanted in ({"uid": "v"}, {"resourceVersion": "8"}):
        with pytest.raises(Refused, match=r"does not match the .* in record"):
            check_preconditions(call, pod(), {"preconditions": wanted})
