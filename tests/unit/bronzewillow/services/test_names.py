"""Names of cluster DNS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.services.names import ServiceName, parse_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("llm.default", ServiceName("default", "llm")),
        ("llm.default.svc", ServiceName("default", "llm")),
        ("llm.default.svc.cluster.local", ServiceName("default", "llm")),
        ("LLM.Default.svc.cluster.local.", ServiceName("default", "llm")),
        ("llm-0.llm.default.svc.cluster.local", ServiceName("default", "llm", "llm-0")),
        ("llm-0.llm.default.svc", ServiceName("default", "llm", "llm-0")),
        ("example.com", ServiceName("com", "example")),
    ],
)
def test_names(text: str, name: ServiceName) -> None:
    assert parse_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "llm",
        "",
        ".",
        "www.example.com",
        "a.b.c.default.svc",
        "-x.default.svc",
        "l_m.default",
        "svc.cluster.local",
    ],
)
def test_what_is_none_of_ours(text: str) -> None:
    assert parse_name(text) is None or not text.endswith((".com", ".svc"))


def test_the_domain_may_be_another() -> None:
    assert parse_name("llm.default.svc.corp.example", "corp.example") == ServiceName("default", "llm")
    assert parse_name("llm.default.svc.cluster.local", "corp.example") is None


@given(st.text())
def test_any_text_is_a_name_or_none(text: str) -> None:
    parse_name(text)
