from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.images.errors import InvalidReference
from runtime.images.reference import Reference, parse_reference

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("tiny", "", "library/tiny", "latest", None),
        ("tiny:135m", "", "library/tiny", "135m", None),
        ("team/tiny", "", "team/tiny", "latest", None),
        ("registry.example/tiny", "registry.example", "tiny", "latest", None),
        ("registry.example/a/b/c:v1", "registry.example", "a/b/c", "v1", None),
        ("127.0.0.1:5000/tiny:x", "127.0.0.1:5000", "tiny", "x", None),
        ("docker.io/ai/smollm2", "docker.io", "ai/smollm2", "latest", None),
        ("docker.io/tiny", "docker.io", "library/tiny", "latest", None),
        ("localhost/tiny", "localhost", "tiny", "latest", None),
        ("MyMac/tiny", "MyMac", "tiny", "latest", None),
        ("[::1]:5000/a/b", "[::1]:5000", "a/b", "latest", None),
        (f"a/b@{DIGEST}", "", "a/b", None, DIGEST),
        (f"r.example:1/a/b:t@{DIGEST}", "r.example:1", "a/b", "t", DIGEST),
        ("a__b/c--d/e.f_g", "", "a__b/c--d/e.f_g", "latest", None),
        ("a/b:Q4_K_M.x-1", "", "a/b", "Q4_K_M.x-1", None),
    ],
)
def test_the_grammar(text: str, registry: str, repository: str, tag: str | None, digest: str | None) -> None:
    reference = parse_reference(text)
    assert reference == Reference(registry, repository, tag, digest)
    assert parse_reference(str(reference)) == reference
    assert parse_reference(reference.familiar) == reference


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("/a", "empty"),
        ("a/", "empty"),
        ("a//b", "empty"),
        ("Tiny", "upper-case"),
        ("a/Tiny", "upper-case"),
        ("a_/b", "is no part of a name"),
        ("a___b", "is no part of a name"),
        ("-a", "is no part of a name"),
        ("a b", "is no part of a name"),
        ("a:", "is no tag"),
        ("a:.x", "is no tag"),
        ("a:" + "t" * 129, "is no tag"),
        ("a@sha256:0", "is no digest"),
        ("a@", "is no digest"),
        (f"a@{DIGEST}@{DIGEST}", "is no digest"),
        ("-x.example/a", "is no registry"),
        ("r.example:port/a", "is no registry"),
        ("https://r.example/a", "is no registry"),
        ("a" * 256, "255"),
    ],
)
def test_what_is_no_name_says_why(text: str, why: str) -> None:
    with pytest.raises(InvalidReference, match=why) as raised:
        parse_reference(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("library/tiny:latest", "tiny"),
        ("library/tiny:v1", "tiny:v1"),
        ("r.example/library/tiny:latest", "r.example/library/tiny"),
        ("r.example/tiny:latest", "r.example/tiny"),
        ("library/a.b", "a.b"),
        (f"tiny:latest@{DIGEST}", f"tiny:latest@{DIGEST}"),
    ],
)
def test_familiar(text: str, familiar: str) -> None:
    assert parse_reference(text).familiar == familiar


@given(st.text(alphabet="aZ0.:/@_-[]l \n", max_size=30) | st.text(max_size=20))
def test_any_text_is_one_or_one_error(text: str) -> None:
    with contextlib.suppress(InvalidReference):
        reference = parse_reference(text)
        assert parse_reference(str(reference)) == reference
        assert parse_reference(reference.familiar) == reference


def test_what_helps_depends_on_where_it_came_from() -> None:
    assert parse_reference("tiny").cure == "make the image anew: no registry has it"
    assert parse_reference("registry.example/tiny").cure.startswith("pull the image again")
