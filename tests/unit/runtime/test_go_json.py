from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.go_json import emit_go_json

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-3, "-3"),
        (1.0, "1"),
        (-0.0, "-0"),
        (0.7, "0.7"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (1.25e-10, "1.25e-10"),
        ("<|im_end|> & \u2028", r'"\u003c|im_end|\u003e \u0026 \u2028"'),
        ('a"b\\c\n\x01é', '"a\\"b\\\\c\\n\\u0001é"'),
        ([1, "a", []], '[1,"a",[]]'),
        ((1, 2), "[1,2]"),
        ({"b": 1, "a": {}}, '{"b":1,"a":{}}'),
        ({1: 2}, '{"1":2}'),
    ],
)  # fmt: skip
def test_the_bytes_are_those_of_go(value: Any, text: str) -> None:
    assert emit_go_json(value) == text


def test_a_map_is_sorted_by_its_keys_at_every_level() -> None:
    assert emit_go_json({"b": {"d": 1, "c": 2}, "a": 0}, sort_keys=True) == '{"a":0,"b":{"c":2,"d":1}}'


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), object(), {"a": {1, 2}}, pytest.param(10**5000, id="long")]
)
def test_what_has_no_json_is_a_value_error(value: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        emit_go_json(value)


def test_a_cycle_ends() -> None:
    knot: list[Any] = []
    knot.append(knot)
    with pytest.raises(ValueError, match="100 levels"):
        emit_go_json(knot)


@given(VALUES)
def test_it_means_the_same(value: Any) -> None:
    same = json.loads(json.dumps(value), parse_int=float)  # in Go, as in JavaScript, each number is a double
    assert json.loads(emit_go_json(value), parse_int=float) == same
    assert json.loads(emit_go_json(value, sort_keys=True), parse_int=float) == same
