"""Environments."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from kubelet.model.environment import ConfigError, Environment, Sources, build_environment
from kubelet.model.field_ref import DownwardFacts

FACTS = DownwardFacts("mac-1", ["192.0.2.2"], ["10.0.0.9"], {"memory": "8Gi"})
POD = {
    "metadata": {"name": "p", "namespace": "n"},
    "spec": {"containers": [{"name": "llm"}, {"name": "other"}]},
}
SOURCES = Sources(
    {"settings": {"data": {"A": "1", "bad=key": "x"}}},
    {
        "key": {
            "data": {"TOKEN": base64.b64encode(b"s3").decode(), "binary": base64.b64encode(b"\xff").decode()}
        }
    },
    [{"metadata": {"name": "kubernetes"}, "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 443}]}}],
)


def build(**container: Any) -> Environment:
    return build_environment({"name": "llm", **container}, POD, SOURCES, FACTS)


def test_order_and_expansion() -> None:
    environment = build(
        envFrom=[
            {"configMapRef": {"name": "settings"}},
            {"prefix": "S_", "configMapRef": {"name": "settings"}},
        ],
        env=[
            {"name": "A", "value": "2"},
            {"name": "B", "value": "$(A)-$(LATER)-$(KUBERNETES_SERVICE_HOST)"},
            {"name": "LATER", "value": "x"},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {
                "name": "LIMIT",
                "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Gi"}},
            },
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "key", "key": "TOKEN"}}},
            {"name": "EMPTY"},
        ],
        command=["serve", "--context", "$(A)"],
        args=["$$(A)"],
    )
    variables = environment.variables
    assert (variables["A"], variables["S_A"], variables["B"]) == ("2", "1", "2-$(LATER)-10.96.0.1")
    assert (variables["NODE"], variables["LIMIT"], variables["TOKEN"]) == ("mac-1", "8", "s3")
    assert variables["EMPTY"] == ""
    assert (environment.command, environment.args) == (("serve", "--context", "2"), ("$(A)",))
    assert environment.skipped == ("S_bad=key", "bad=key")


def test_a_binary_value_is_skipped_where_all_are_asked_for() -> None:
    environment = build(envFrom=[{"secretRef": {"name": "key"}}])
    assert (environment.variables["TOKEN"], environment.skipped) == ("s3", ("binary",))


def key(kind: str, name: str, key: str, optional: bool = False) -> dict[str, Any]:
    return {"env": [{"name": "X", "valueFrom": {kind: {"name": name, "key": key, "optional": optional}}}]}


@pytest.mark.parametrize(
    ("container", "message"),
    [
        (key("configMapKeyRef", "no", "A"), 'configmap "no" not found'),
        (key("secretKeyRef", "no", "A"), 'secret "no" not found'),
        (key("configMapKeyRef", "settings", "Z"), "couldn't find key Z in ConfigMap n/settings"),
        (key("secretKeyRef", "key", "Z"), "couldn't find key Z in Secret n/key"),
        (
            key("secretKeyRef", "key", "binary"),
            "key binary of secret key is not text, and cannot be a variable",
        ),
        ({"envFrom": [{"secretRef": {"name": "no"}}]}, 'secret "no" not found'),
        (
            {"env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]},
            "field label not supported: spec.x",
        ),
        (
            {
                "env": [
                    {
                        "name": "X",
                        "valueFrom": {"resourceFieldRef": {"containerName": "z", "resource": "limits.cpu"}},
                    }
                ]
            },
            "container z not found",
        ),
        (
            {"env": [{"name": "X", "valueFrom": {"fileKeyRef": {}}}]},
            "env X: valueFrom has none of fieldRef, resourceFieldRef, configMapKeyRef or secretKeyRef",
        ),
    ],
)
def test_what_is_missing(container: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(**container)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "container",
    [
        key("configMapKeyRef", "no", "A", optional=True),
        key("secretKeyRef", "key", "Z", optional=True),
        {"envFrom": [{"configMapRef": {"name": "no", "optional": True}}]},
    ],
)
def test_what_is_optional(container: dict[str, Any]) -> None:
    assert "X" not in build(**container).variables
