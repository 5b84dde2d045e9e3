from __future__ import annotations

import pytest

from runtime.templates.errors import Refused
from runtime.templates.values import (
    JsonMap,
    Record,
    Value,
    emit_float,
    emit_json,
    emit_value,
    field_of,
    is_true,
    items_of,
    kind_of,
)

RECORD = Record({"Name": "f"}, {"zeta": 1, "alpha": {"y": 1, "x": "<"}})
RECORD_JSON = r'{"zeta":1,"alpha":{"x":"\u003c","y":1}}'


@pytest.mark.parametrize("value", [None, False, 0, 0.0, "", [], {}, JsonMap()])
def test_what_is_false(value: Value) -> None:
    assert not is_true(value)


@pytest.mark.parametrize("value", [True, -1, 0.5, " ", [0], {"a": 0}, Record({}, {})])
def test_what_is_true(value: Value) -> None:
    assert is_true(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (-7, "-7"),
        (1.5, "1.5"),
        ("a", "a"),
        (["a", 1, None, ["b"]], "[a 1 <nil> [b]]"),
        ([], "[]"),
        ({"b": 1, "a": [2]}, "map[a:[2] b:1]"),
        ({}, "map[]"),
        (JsonMap(b=1, a="x"), '{"a":"x","b":1}'),
        (RECORD, RECORD_JSON),
        ([RECORD], f"[{RECORD_JSON}]"),
    ],
)
def test_how_values_print(value: Value, text: str) -> None:
    assert emit_value(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (3.0, "3"),
        (0.1, "0.1"),
        (123456.5, "123456.5"),
        (100000.0, "100000"),
        (1000000.0, "1e+06"),
        (1234567.0, "1.234567e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-2.5e-7, "-2.5e-07"),
        (1e100, "1e+100"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_how_floats_print(value: float, text: str) -> None:
    assert emit_float(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ({"b": [1, None], "a": {"d": 1, "c": True}}, '{"a":{"c":true,"d":1},"b":[1,null]}'),
        ("a&b", r'"a\u0026b"'),
        (RECORD, RECORD_JSON),
        (float("nan"), ""),
        (object(), ""),
    ],
)
def test_json(value: Value, text: str) -> None:
    assert emit_json(value) == text


def test_an_integer_without_end_prints_nothing() -> None:
    assert emit_value(10**5000) == emit_json([10**5000]) == ""


def test_what_is_too_deep_does_not_print() -> None:
    deep: list[Value] = []
    for _ in range(90):
        deep = [deep]
    assert emit_json(deep) == ""
    with pytest.raises(Refused, match="80 levels"):
        emit_value(deep)


def test_fields() -> None:
    assert field_of({"A": 1}, "A") == 1
    assert field_of(RECORD, "Name") == "f"
    assert field_of({"A": 1}, "B") is field_of(None, "B") is field_of(RECORD, "zeta") is None
    with pytest.raises(Refused, match="string has no field A"):
        field_of("text", "A")


def test_items() -> None:
    assert items_of(["x", "y"]) == [(0, "x"), (1, "y")]
    assert items_of({"b": 1, "a": 2}) == [("a", 2), ("b", 1)]
    assert items_of(None) == []
    for value in ("text", True, 1.5, RECORD):
        with pytest.raises(Refused, match=kind_of(value)):
            items_of(value)
