from __future__ import annotations

import pytest

from runtime.templates.errors import Refused
from runtime.templates.formatting import sprint, sprintf, sprintln
from runtime.templates.values import Value


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], ""),
        (["a", "b"], "ab"),
        ([1, 2], "1 2"),
        ([1, "a", 2], "1a2"),
        ([True, 1.5, "a"], "true 1.5a"),
    ],
)
def test_print(values: list[Value], text: str) -> None:
    assert sprint(values) == text


def test_println() -> None:
    assert sprintln(["a", 1, "b"]) == "a 1 b\n"
    assert sprintln([]) == "\n"


@pytest.mark.parametrize(
    ("layout", "values", "text"),
    [
        ("plain", [], "plain"),
        ("100%%", [], "100%"),
        ("%s-%v", ["a", 1], "a-1"),
        ("%s", [["a", "b"]], "[a b]"),
        ("%d|%5d|%-5d|%05d", [1, 2, 3, -4], "1|    2|3    |-0004"),
        ("%+d|% d|%+d", [1, 2, -3], "+1| 2|-3"),
        ("%x|%X|%x", [255, 255, "hé"], "ff|FF|68c3a9"),
        ("%c", [0x1F600], "\U0001f600"),
        ("%5s|%-5s|%.2s", ["ab", "ab", "abc"], "   ab|ab   |ab"),
        ("%f|%.2f|%8.3f|%.f", [1.5, 2.345, 3.14159, 2.5], "1.500000|2.35|   3.142|2"),
        ("%e|%g|%.3g", [1500.0, 1e6, 100000.0], "1.500000e+03|1e+06|1e+05"),
        ("%t|%v", [True, False], "true|false"),
        ("%q", ['say "hi"\n\t\\'], r'"say \"hi\"\n\t\\"'),
        ("%q", ["é\x00\x7f\u00a0\u200b\U000e0001 😀"], r'"é\x00\x7f\u00a0\u200b\U000e0001 😀"'),
        ("%8q|", ["ab"], '    "ab"|'),
        ("%v", [None], ""),
        ("é%sü", ["ß"], "éßü"),
    ],
)
def test_printf(layout: str, values: list[Value], text: str) -> None:
    assert sprintf(layout, values) == text


@pytest.mark.parametrize(
    ("layout", "values", "reason"),
    [
        ("%s", [], "no value for %s"),
        ("%s", ["a", "b"], "2 values for 1 verbs"),
        ("%d", ["a"], "no %d for a string"),
        ("%d", [1.5], "no %d for a float"),
        ("%s", [1], "no %s for a int"),
        ("%z", [1], "no %z"),
        ("%", [1], "no %"),
        ("%99999d", [1], "1000 is the most"),
        ("%1001s", ["a"], "1000 is the most"),
        ("%.5000f", [1.0], "1000 is the most"),
        ("%d", [2**70], "64 bits"),
        ("%c", [0xD800], "no character"),
    ],
)
def test_what_printf_refuses(layout: str, values: list[Value], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        sprintf(layout, values)
