"""The names of a model."""

from __future__ import annotations

import pytest

from runtime.openai.names import synonyms, without_host


@pytest.mark.parametrize(
    ("name", "known", "unknown"),
    [
        (
            "r.example:5000/team/tiny:1b",
            ["r.example:5000/team/tiny:1b", "team/tiny:1b", "tiny:1b"],
            ["tiny", "team"],
        ),
        ("r.example/library/tiny:latest", ["library/tiny", "tiny", "tiny:latest"], ["r.example"]),
        ("tiny", ["tiny", "tiny:latest"], ["", "tiny:1b"]),
        ("localhost/a/b@sha256:00", ["a/b@sha256:00", "b@sha256:00"], ["b"]),
    ],
)
def test_synonyms(name: str, known: list[str], unknown: list[str]) -> None:
    names = synonyms(name, ["pet"])
    assert names >= {*known, "pet"}
    assert names.isdisjoint(unknown)


def test_without_host() -> None:
    assert without_host("team/tiny") == "team/tiny"
    assert without_host("localhost:5000/tiny") == "tiny"
