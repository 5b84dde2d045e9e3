"""Quality of service."""

from __future__ import annotations

from typing import Any

import pytest

from kubelet.model.qos import qos_class

FULL = {"limits": {"cpu": "1", "memory": "1Gi"}}


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([{}], "BestEffort"),
        ([], "BestEffort"),
        ([{"limits": {"example.dev/gpu": "1"}}], "BestEffort"),
        ([{"requests": {"cpu": "0"}}], "BestEffort"),
        ([FULL], "Guaranteed"),
        ([{**FULL, "requests": {"cpu": "1000m", "memory": "1024Mi"}}], "Guaranteed"),
        ([{**FULL, "requests": {"cpu": "500m"}}], "Burstable"),
        ([FULL, {}], "Burstable"),
        ([{"limits": {"memory": "1Gi"}}], "Burstable"),
        ([{"requests": {"cpu": "1"}}], "Burstable"),
    ],
)
def test_class(resources: list[dict[str, Any]], expected: str) -> None:
    containers = [{"name": f"c{index}", "resources": one} for index, one in enumerate(resources)]
    assert qos_class({"spec": {"containers": containers}}) == expected


def test_the_pods_own_resources_decide_alone() -> None:
    assert qos_class({"spec": {"containers": [{"name": "c"}], "resources": FULL}}) == "Guaranteed"
