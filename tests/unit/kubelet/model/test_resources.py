"""What pods ask for."""

from __future__ import annotations

from typing import Any

import pytest

from kubelet.model.quantity import NANO, QuantityError
from kubelet.model.resources import container_requests, parse_resources, pod_requests, sum_of


def container(cpu: str, **more: Any) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": {"cpu": cpu}}, **more}


def test_a_limit_is_a_request() -> None:
    resources = {"resources": {"limits": {"cpu": "2", "memory": "1"}, "requests": {"cpu": "1"}}}
    assert container_requests(resources) == {"cpu": NANO, "memory": NANO}


@pytest.mark.parametrize(
    ("inits", "cpus"),
    [
        ([], 3),
        ([container("5")], 5),
        ([container("1", restartPolicy="Always")], 4),
        ([container("1", restartPolicy="Always"), container("5")], 6),
        ([container("5"), container("1", restartPolicy="Always")], 5),
    ],
)
def test_the_larger_of_both_times(inits: list[dict[str, Any]], cpus: int) -> None:
    pod = {"spec": {"initContainers": inits, "containers": [container("1"), container("2")]}}
    assert pod_requests(pod) == {"cpu": cpus * NANO}


def test_the_pods_own_and_overhead() -> None:
    spec = {"containers": [container("1")], "resources": {"requests": {"cpu": "4"}}, "overhead": {"cpu": "1"}}
    assert pod_requests({"spec": spec}) == {"cpu": 5 * NANO}


def test_an_error_names_the_resource() -> None:
    with pytest.raises(QuantityError, match="memory: 'lots'"):
        parse_resources({"memory": "lots"})


def test_sum() -> None:
    assert sum_of([{"a": 1}, {"a": 2, "b": 3}]) == {"a": 3, "b": 3}
