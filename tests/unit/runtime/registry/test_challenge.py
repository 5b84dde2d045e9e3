from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.registry.challenge import Challenge, parse_challenges


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (['Basic realm="a"'], [Challenge("basic", {"realm": "a"})]),
        (["Basic"], [Challenge("basic")]),
        (
            ['Bearer realm="https://auth.example/token",service="r",scope="repository:a/b:pull,push"'],
            [
                Challenge(
                    "bearer",
                    {
                        "realm": "https://auth.example/token",
                        "service": "r",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        (
            ['Basic realm="one, \\"two\\"", BEARER Realm=three, Service="s"', "Negotiate"],
            [
                Challenge("basic", {"realm": 'one, "two"'}),
                Challenge("bearer", {"realm": "three", "service": "s"}),
                Challenge("negotiate"),
            ],
        ),
        ([""], []),
        (['="x"'], []),
        ([], []),
    ],
)
def test_challenges(headers: list[str], expected: list[Challenge]) -> None:
    assert parse_challenges(headers) == expected


@given(st.lists(st.text(max_size=200), max_size=3))
def test_anything_gives_challenges(headers: list[str]) -> None:
    assert all(one.scheme for one in parse_challenges(headers))
