"""The downward API."""

from __future__ import annotations

from typing import Any

import pytest

from kubelet.model.field_ref import DownwardFacts, FieldError, field_value, resource_value

FACTS = DownwardFacts("mac-1", ["192.0.2.2", "2001:db8::2"], ["10.0.0.9"], {"cpu": "7500m", "memory": "8Gi"})
POD = {
    "metadata": {
        "name": "p",
        "namespace": "n",
        "uid": "u",
        "labels": {"b": 'x"y', "a": "1"},
        "annotations": {"example.dev/k": "v"},
    },
    "spec": {"serviceAccountName": "sa"},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "p"),
        ("metadata.namespace", "n"),
        ("metadata.uid", "u"),
        ("metadata.labels['a']", "1"),
        ("metadata.labels['none']", ""),
        ("metadata.annotations['example.dev/k']", "v"),
        ("metadata.labels", 'a="1"\nb="x\\"y"'),
        ("spec.nodeName", "mac-1"),
        ("spec.serviceAccountName", "sa"),
        ("status.hostIP", "192.0.2.2"),
        ("status.hostIPs", "192.0.2.2,2001:db8::2"),
        ("status.podIP", "10.0.0.9"),
        ("status.podIPs", "10.0.0.9"),
    ],
)
def test_fields(path: str, value: str) -> None:
    assert field_value(path, POD, FACTS) == value


@pytest.mark.parametrize("path", ["", "spec.containers", "metadata.labels[a]"])
def test_a_field_that_is_none(path: str) -> None:
    with pytest.raises(FieldError, match="field label not supported"):
        field_value(path, POD, FACTS)


@pytest.mark.parametrize(
    ("resource", "divisor", "value"),
    [
        ("limits.cpu", None, "2"),
        ("limits.cpu", "1m", "1500"),
        ("requests.cpu", "1", "1"),
        ("requests.cpu", "1n", "250"),
        ("limits.memory", "1Mi", "8192"),
        ("limits.memory", None, "8589934592"),
        ("requests.memory", "1Gi", "2"),
        ("requests.ephemeral-storage", "1", "0"),
        ("requests.memory", "0", "1610612736"),
    ],
)
def test_resources_in_units_rounded_up(resource: str, divisor: str | None, value: str) -> None:
    container = {"resources": {"limits": {"cpu": "1500m"}, "requests": {"cpu": "250m", "memory": "1.5Gi"}}}
    assert resource_value({"resource": resource, "divisor": divisor}, container, FACTS) == value


@pytest.mark.parametrize(
    "reference",
    [
        {},
        {"resource": "limits.gpu"},
        {"resource": "usage.cpu"},
        {"resource": "limits.cpu", "divisor": "x"},
        {"resource": "limits.cpu", "divisor": "-1"},
    ],
)
def test_a_resource_that_is_none(reference: dict[str, Any]) -> None:
    with pytest.raises(FieldError):
        resource_value(reference, {}, FACTS)
