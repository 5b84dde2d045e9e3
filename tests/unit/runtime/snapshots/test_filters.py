from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.snapshots.errors import InvalidArgument
from runtime.snapshots.filters import parse_filters
from runtime.snapshots.info import Info, Kind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INFO = Info("default/1/x", "sha256:aa", Kind.ACTIVE, NOW, NOW, {"a.b/c": "one,two", "empty": ""})


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("kind==active", True),
        ("kind==view", False),
        ("kind!=view", True),
        ("name==default/1/x,parent==sha256:aa", True),
        ("name==default/1/x,parent==sha256:bb", False),
        ('labels."a.b/c"=="one,two"', True),
        ('labels."a.b/c"~="^one"', True),
        ('labels."a.b/c"~="^two"', False),
        ("labels.empty", True),
        ("labels.absent", False),
        ('labels.absent==""', True),
        ("unknown.field==x", False),
        ("name", True),
        ('name=="default\\/1\\u002fx"', True),
    ],
)
def test_selectors(text: str, holds: bool) -> None:
    assert parse_filters([text])(INFO) is holds


def test_one_of_several_is_enough_and_none_is_all() -> None:
    assert parse_filters(["kind==view", "kind==active"])(INFO)
    assert not parse_filters(["kind==view", "kind==committed"])(INFO)
    assert parse_filters([])(INFO)


@pytest.mark.parametrize(
    "text",
    [
        ",",
        "kind==",
        "kind=active",
        "==x",
        'name=="open',
        'name~="("',
        "a..b",
        "kind==a,",
        'name=="\\x"',
        "x" * 5000,
    ],
)
def test_what_is_none_says_where(text: str) -> None:
    with pytest.raises(InvalidArgument, match="filter"):
        parse_filters([text])


@given(st.lists(st.text(alphabet='kindname.labels=!~",\\()[]*+x ', max_size=40), max_size=3))
def test_any_text_is_a_filter_or_one_error(texts: list[str]) -> None:
    with contextlib.suppress(InvalidArgument):
        assert parse_filters(texts)(INFO) in (True, False)
