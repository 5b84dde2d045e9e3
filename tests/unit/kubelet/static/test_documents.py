from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelet.static.documents import DocumentError, parse_documents


def value_of(text: str) -> Any:
    (document,) = parse_documents(text)
    return document.value


def test_several_documents_of_which_some_are_empty() -> None:
    found = parse_documents("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n")
    assert [one.value for one in found] == [{"a": 1}, {"b": 2}]
    assert found[1].line(("b",)) == 7
    assert found[1].line(("b", "c", 0)) == 7  # the nearest that is there


def test_values_are_those_of_kubernetes_reader() -> None:
    assert value_of("[yes, off, 010, 0x10, 1_000, 1.5, -3, ~, 8080:80, 2024-01-01, '1', 1e3]") == [
        True, False, 8, 16, 1000, 1.5, -3, None, "8080:80", "2024-01-01", "1", "1e3",
    ]  # fmt: skip


def test_json_with_tabs_and_characters_in_two_halves() -> None:
    document = parse_documents('{\n\t"a": ["\\ud83d\\ude00"],\n\t"b": 1\n}')[0]
    assert document.value == {"a": ["\U0001f600"], "b": 1}
    assert document.line(("b",)) == 3


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "YAML"),
        ("a: 1\na: 2\n", 2, "'a' is there twice"),
        ("a: 1\n? [x]\n: 2\n", 2, "a key must be a text"),
        ("b: &b {x: 1}\nc:\n  <<: *b\n", 3, "a key must be a text"),
        ("a: .nan\n", 1, "JSON has no word"),
        ("a: !!binary aGk=\n", 1, "JSON has no word"),
        ("a: !python/object:os.system x\n", 1, "JSON has no word"),
        ("a: !thing {}\n", 1, "the tag !thing"),
        ("a: b: c\n", 1, "YAML"),
        ("a\n\x00", 2, "does not allow"),
        ("[" * 5000, 1, "nested too deeply"),
        ("a: " + "1" * 5000, 1, "JSON has no word"),
        ("a: 0x" + "f" * 5000, 1, "JSON has no word"),
        ("a: -0b1" + "0" * 65, 1, "JSON has no word"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_documents(text)
    assert (caught.value.line, message in caught.value.message) == (line, True), caught.value.message


def test_names_for_names_do_not_grow_without_end() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
    )
    with pytest.raises(DocumentError, match="more than"):
        parse_documents(bomb)
    with pytest.raises(DocumentError, match="nested too deeply"):
        parse_documents("a: &a [*a]\n")


@given(st.text(max_size=200))
def test_any_text_is_a_document_or_is_refused(text: str) -> None:
    try:
        for document in parse_documents(text):
            assert document.line(("a", 1)) >= 1
    except DocumentError as error:
        assert error.line >= 1
