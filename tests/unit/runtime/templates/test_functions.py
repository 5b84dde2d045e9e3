from __future__ import annotations

from datetime import date

import pytest

from runtime.templates.errors import Refused
from runtime.templates.functions import NAMES, Functions
from runtime.templates.values import JsonMap, Record, Value

FUNCTIONS = Functions(date(2024, 3, 1))


def _schema(kind: Value, *alternatives: Record) -> Record:
    return Record({"Type": kind, "AnyOf": alternatives}, {})


@pytest.mark.parametrize(
    ("name", "values", "result"),
    [
        ("and", (1, "", 2), ""),
        ("and", (1, 2), 2),
        ("or", (0, "a", "b"), "a"),
        ("or", (0, ""), ""),
        ("not", ("",), True),
        ("eq", ("a", "b", "a"), True),
        ("eq", ("a", "b", "c"), False),
        ("eq", (1, 1.0), True),
        ("eq", (None, "a"), False),
        ("eq", (None, None), True),
        ("eq", (True, True), True),
        ("ne", ("a", "b"), True),
        ("lt", (1, 2), True),
        ("lt", ("a", "B"), False),
        ("le", (2, 2), True),
        ("gt", (2, 1.5), True),
        ("ge", ("b", "b"), True),
        ("len", ("é",), 2),
        ("len", ([1, 2],), 2),
        ("len", (JsonMap(a=1),), 1),
        ("len", (None,), 0),
        ("index", ([1, [2, 3]], 1, 0), 2),
        ("index", ({"a": {"b": 1}}, "a", "b"), 1),
        ("index", ({}, "a", "b"), None),
        ("index", ("abc", 1), 98),
        ("slice", ("abcd", 1, 3), "bc"),
        ("slice", ("abcd", 2), "cd"),
        ("slice", ([1, 2, 3], 1), [2, 3]),
        ("slice", ([1, 2, 3], 3), []),
        ("slice", ([1, 2, 3],), [1, 2, 3]),
        ("print", ("a", 1, 2), "a1 2"),
        ("println", (), "\n"),
        ("printf", ("%d/%s", 1, "x"), "1/x"),
        ("json", ({"b": "<", "a": 1.0},), r'{"a":1,"b":"\u003c"}'),
        ("currentDate", (), "2024-03-01"),
        ("currentDate", ("%d %b",), "2024-03-01"),
        ("yesterdayDate", (), "2024-02-29"),
        ("toTypeScriptType", (_schema("integer"),), "number"),
        ("toTypeScriptType", (_schema(["string", "null"]),), "string | null"),
        ("toTypeScriptType", (_schema("array"),), "any[]"),
        ("toTypeScriptType", (_schema("object"),), "Record<string, any>"),
        ("toTypeScriptType", (_schema(None, _schema("string"), _schema("boolean")),), "string | boolean"),
        ("toTypeScriptType", (_schema("odd"),), "any"),
        ("toTypeScriptType", (_schema(None),), "any"),
        ("toTypeScriptType", ("text",), "any"),
    ],
)
def test_what_functions_give(name: str, values: tuple[Value, ...], result: Value) -> None:
    given = FUNCTIONS.call(name, values)
    assert given == result
    assert isinstance(given, bool) == isinstance(result, bool)


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("not", (), "not takes 1 arguments, got 0"),
        ("and", (), "at least 1 arguments"),
        ("slice", ("a", 1, 2, 3, 4), "1 to 4 arguments"),
        ("eq", ("a",), "at least 2"),
        ("eq", ("a", 1), "string and int are not compared"),
        ("eq", ("1", "2", 3), "not compared"),
        ("eq", ([], []), "not compared"),
        ("lt", (True, False), "have no order"),
        ("lt", (1, "a"), "have no order"),
        ("len", (5,), "int has no length"),
        ("index", ([1], 1), "index 1 is out of range"),
        ("index", ([1], -1), "out of range"),
        ("index", ([1], "a"), "string is no index"),
        ("index", ([1], True), "bool is no index"),
        ("index", ({"a": 1}, 0), "int is no index of a map"),
        ("slice", ("abc", 2, 1), "slice 2:1 ends before"),
        ("slice", ("abc", 4), "out of range"),
        ("slice", ("abc", 0, 1, 2), "two numbers at most"),
        ("slice", (5,), "int has no slices"),
        ("printf", (5,), "its layout as a text"),
    ],
)
def test_what_functions_refuse(name: str, values: tuple[Value, ...], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        FUNCTIONS.call(name, values)


def test_the_first_day_has_no_yesterday() -> None:
    assert Functions(date.min).call("yesterdayDate", ()) == "0001-01-01"


def test_every_name_counts_its_arguments() -> None:
    for name in NAMES:
        with pytest.raises(Refused):
            FUNCTIONS.call(name, (None,) * 1001)
