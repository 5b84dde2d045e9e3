from __future__ import annotations

import pytest

from bronzewillow.testing.apiserver.selectors import (
    field_terms,
    fields_match,
    labels_match,
    matches_labels,
)

POD = {
    "metadata": {"name": "a", "namespace": "d", "labels": {"app": "llm", "tier": "x"}},
    "spec": {"nodeName": "mac-1"},
    "status": {"phase": "Running"},
}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("", True),
        ("spec.nodeName=mac-1", True),
        ("spec.nodeName==mac-1,status.phase!=Failed", True),
        ("spec.nodeName=mac-2", False),
        ("metadata.name=a,metadata.namespace=d", True),
        ("spec.nodeName=", False),
        ("status.nominatedNodeName=", True),
    ],
)
def test_fields(selector: str, expected: bool) -> None:
    assert fields_match("Pod", selector)(POD) is expected


@pytest.mark.parametrize(("kind", "selector"), [("Pod", "spec.x=1"), ("ConfigMap", "data.a=1"), ("Pod", "a")])
def test_no_field_selector(kind: str, selector: str) -> None:
    with pytest.raises(ValueError):
        fields_match(kind, selector)


def test_terms() -> None:
    assert field_terms("Pod", "spec.nodeName!=a") == [("spec.nodeName", "a", False)]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("", True),
        ("app=llm", True),
        ("app==llm,tier!=y", True),
        ("app in (llm, web)", True),
        ("app notin (llm)", False),
        ("app,!gone", True),
        ("gone", False),
        ("gone!=x", True),
    ],
)
def test_labels(selector: str, expected: bool) -> None:
    assert labels_match(selector)(POD) is expected


@pytest.mark.parametrize("selector", ["app in llm", "=", "a b"])
def test_no_label_selector(selector: str) -> None:
    with pytest.raises(ValueError):
        labels_match(selector)


def test_match_labels() -> None:
    assert matches_labels({"app": "llm"}, {"app": "llm"})
    assert not matches_labels({"app": "web"}, {"app": "llm"})
    assert not matches_labels(None, {"app": "llm"})
