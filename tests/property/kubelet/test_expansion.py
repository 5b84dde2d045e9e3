"""Expansion of variables."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kubelet.model.expansion import expand

TEXT = st.text(alphabet="$()AB x", max_size=20)


def reference(text: str, variables: dict[str, str]) -> str:
    """One sign after another, as the rules say."""
    out, place = "", 0
    while place < len(text):
        rest = text[place:]
        if rest.startswith("$$"):
            out, place = out + "$", place + 2
        elif rest.startswith("$(") and ")" in rest:
            end = rest.index(")")
            out, place = out + variables.get(rest[2:end], rest[: end + 1]), place + end + 1
        elif rest[0] == "$" and len(rest) > 1:
            out, place = out + rest[:2], place + 2
        else:
            out, place = out + rest[0], place + 1
    return out


@given(TEXT, st.dictionaries(st.sampled_from(["A", "B", "AB", ""]), TEXT))
def test_as_the_rules_say(text: str, variables: dict[str, str]) -> None:
    assert expand(text, variables) == reference(text, variables)


@given(TEXT)
def test_what_is_escaped_comes_out_as_it_was(text: str) -> None:
    assert expand(text.replace("$", "$$"), {"A": "1", "": "2"}) == text
