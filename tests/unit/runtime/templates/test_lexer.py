from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.templates.errors import TemplateError
from runtime.templates.lexer import LONGEST, Kind, Token, lex


def _plain(text: str) -> list[str]:
    return [token.text for token in lex(text) if token.kind is Kind.TEXT]


def _inside(action: str) -> list[tuple[Kind, str]]:
    tokens = list(lex("{{" + action + "}}"))
    assert [token.kind for token in (tokens[0], *tokens[-2:])] == [Kind.OPEN, Kind.CLOSE, Kind.END]
    return [(token.kind, token.text) for token in tokens[1:-2]]


def _value(action: str) -> object:
    (token,) = list(lex("{{" + action + "}}"))[1:-2]
    assert token.kind is Kind.LITERAL
    return token.value


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a {{1}} b", ["a ", " b"]),
        ("a {{- 1}} b", ["a", " b"]),
        ("a {{1 -}} \n b", ["a ", "b"]),
        ("a \n\t{{- 1 -}}\r\n b", ["a", "b"]),
        ("a {{-1}} b", ["a ", " b"]),
        ("a {{/* c */}} b", ["a ", " b"]),
        ("a {{- /* {{ }} \n*/ -}} b", ["a", "b"]),
        (" {{- 1 -}} ", []),
        ("} } { {", ["} } { {"]),
        ("a\u00a0{{- 1}}", ["a\u00a0"]),
    ],
)
def test_text_and_what_is_trimmed_of_it(text: str, plain: list[str]) -> None:
    assert _plain(text) == plain


def test_the_parts_of_an_action() -> None:
    assert _inside('if (eq $.A.B "x") | $v := .5,') == [
        (Kind.WORD, "if"),
        (Kind.MARK, "("),
        (Kind.WORD, "eq"),
        (Kind.VARIABLE, "$"),
        (Kind.FIELD, "A"),
        (Kind.FIELD, "B"),
        (Kind.LITERAL, '"x"'),
        (Kind.MARK, ")"),
        (Kind.MARK, "|"),
        (Kind.VARIABLE, "$v"),
        (Kind.MARK, ":="),
        (Kind.LITERAL, ".5"),
        (Kind.MARK, ","),
    ]


def test_space_before_a_token_is_known() -> None:
    assert [token.spaced for token in lex("{{.A.B .C}}")][1:-2] == [False, False, True]


def test_lines_are_counted_over_text_actions_comments_and_raw_strings() -> None:
    text = "one\n{{ 2 }}\n{{- /*\n\n*/ -}}\n{{ `\n` 7 }}\n\n{{ 9\n}}{{ 10 }}"
    literals = [token.line for token in lex(text) if token.kind is Kind.LITERAL]
    assert literals == [2, 6, 7, 9, 10]
    assert [token.line for token in lex("{{1 -}}\n\nx\n")][-2:] == [3, 4]


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("1", 1),
        ("-3", -3),
        ("+3", 3),
        ("0x1F", 31),
        ("010", 8),
        ("0b11", 3),
        ("1_000", 1000),
        ("0", 0),
        ("1.5", 1.5),
        ("-1e3", -1000.0),
        ("1.", 1.0),
        ("'a'", 97),
        (r"'\n'", 10),
        (r"'\''", 39),
        (r'"a\t\"\\\x41\u00e9\U0001F600\101"', 'a\t"\\Aé😀A'),
        (r'"\xc3\xa9"', "é"),
        (r'"\xff"', "�"),
        ("`a\\n\n{{`", "a\\n\n{{"),
        ('"}}"', "}}"),
    ],
)
def test_literals(action: str, value: object) -> None:
    found = _value(action)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("\n{{ .A", "template:2: an action has no end; write }}"),
        ("{{", "template:1: an action has no end; write }}"),
        ('{{ "a }}', 'template:1: a text that begins with " has no end'),
        ('{{ "a\n" }}', 'template:1: a text that begins with " has no end'),
        ("{{ `a }}", "template:1: a text that begins with ` has no end"),
        ("{{ '' }}", "template:1: a text that begins with ' has no end"),
        ("{{ 'ab' }}", "template:1: 'ab' is not one character"),
        ("{{ a\n % }}", "template:2: unexpected '%' in an action"),
        ("{{/* a }}", "template:1: a comment fills its action alone and ends with */}}"),
        ("{{/* a */ b }}", "template:1: a comment fills its action alone and ends with */}}"),
        ("{{ 3a }}", "template:1: '3a' begins no number"),
        ("{{ 089 }}", "template:1: '089' is no number"),
        ("{{ 9223372036854775808 }}", "template:1: '9223372036854775808' is too large"),
        ("{{ 1e999 }}", "template:1: '1e999' is too large"),
        ("{{ " + "9" * 5000 + " }}", "template:1: '99999999999999999999' is no number"),
        (r'{{ "\q" }}', r"template:1: unknown escape \q in a text"),
        (r'{{ "\ud800" }}', r"template:1: \ud800 is no character"),
        ("x" * (LONGEST + 1), "template:1: 131073 characters are too many; 131072 are the most"),
    ],
    ids=range(18),
)
def test_errors_have_their_line(text: str, error: str) -> None:
    with pytest.raises(TemplateError) as caught:
        list(lex(text))
    assert str(caught.value) == error


PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        "{{- ",
        " -}}",
        "/*",
        "*/",
        '"',
        "`",
        "'",
        "\\",
        "\n",
        ".A",
        "$",
        "1",
        "a",
        " ",
        "|",
        "é",
        "-",
        "x",
    ]
)


@given(st.text() | st.lists(PIECES).map("".join))
def test_any_text_is_tokens_or_one_error(text: str) -> None:
    with contextlib.suppress(TemplateError):
        tokens = list(lex(text))
        assert tokens[-1] == Token(Kind.END, "", 1 + text.count("\n"))
        assert [token.line for token in tokens] == sorted(token.line for token in tokens)
