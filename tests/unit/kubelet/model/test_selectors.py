"""Selectors and affinity."""

from __future__ import annotations

from typing import Any

import pytest

from kubelet.model.selectors import matches_node

LABELS = {"os": "darwin", "gib": "64"}


def pod(*terms: dict[str, Any], **selector: str) -> dict[str, Any]:
    spec: dict[str, Any] = {"nodeSelector": selector}
    if terms:
        required = {"nodeSelectorTerms": list(terms)}
        spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    return {"spec": spec}


def term(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def test_node_selector() -> None:
    assert matches_node(pod(os="darwin"), "mac-1", LABELS)
    assert not matches_node(pod(os="linux"), "mac-1", LABELS)
    assert matches_node({}, "mac-1", LABELS)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (term("os", "In", "linux", "darwin"), True),
        (term("os", "In", "linux"), False),
        (term("zone", "In", "a"), False),
        (term("os", "NotIn", "linux"), True),
        (term("zone", "NotIn", "a"), True),
        (term("os", "Exists"), True),
        (term("zone", "Exists"), False),
        (term("zone", "DoesNotExist"), True),
        (term("gib", "Gt", "32"), True),
        (term("gib", "Gt", "64"), False),
        (term("gib", "Lt", "100"), True),
        (term("os", "Gt", "1"), False),
        (term("gib", "Gt", "x"), False),
        (term("os", "Like", "d"), False),
        ({}, False),
        ({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["mac-1"]}]}, True),
        ({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["mac-2"]}]}, False),
    ],
)
def test_required_affinity(one: dict[str, Any], expected: bool) -> None:
    assert matches_node(pod(one), "mac-1", LABELS) is expected


def test_one_term_is_enough_and_all_of_its_expressions_are_needed() -> None:
    assert matches_node(pod(term("os", "In", "linux"), term("os", "Exists")), "mac-1", LABELS)
    both = {
        "matchExpressions": [
            *term("os", "Exists")["matchExpressions"],
            *term("x", "Exists")["matchExpressions"],
        ]
    }
    assert not matches_node(pod(both), "mac-1", LABELS)
