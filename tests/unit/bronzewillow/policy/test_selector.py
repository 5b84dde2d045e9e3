"""Label selectors."""

from __future__ import annotations

import pytest

from bronzewillow.policy.selector import matches

LABELS = {"app": "llm", "tier": "gold"}


@pytest.mark.parametrize(
    ("selector", "matched"),
    [
        ({}, True),
        ({"matchLabels": {"app": "llm"}}, True),
        ({"matchLabels": {"app": "llm", "tier": "tin"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["llm", "web"]}]}, True),
        ({"matchExpressions": [{"key": "zone", "operator": "In", "values": [None]}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["llm"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"app": "llm"}, "matchExpressions": [{"key": "zone", "operator": "Exists"}]}, False),
    ],
)
def test_matches(selector: object, matched: bool) -> None:
    assert matches(selector, LABELS) is matched


@pytest.mark.parametrize(
    "selector",
    [
        None,
        [],
        "app=llm",
        {"matchLabels": ["app"]},
        {"matchExpressions": {"key": "app"}},
        {"matchExpressions": ["app"]},
        {"matchExpressions": [{"operator": "Exists"}]},
        {"matchExpressions": [{"key": "app", "operator": "Gt", "values": ["1"]}]},
        {"matchExpressions": [{"key": "app", "operator": "In", "values": "llm"}]},
    ],
)
def test_what_is_no_selector_selects_nothing(selector: object) -> None:
    assert not matches(selector, LABELS)
