"""Names of cluster DNS."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.services.names import ServiceName, meanings, parse_dashed, pod_address

LLM = ServiceName("default", "llm")


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("llm", LLM),
        ("llm.default.svc", LLM),
        ("llm.default.svc.cluster.local", LLM),
        ("LLM.Default.svc.cluster.local.", LLM),
        ("llm-0.llm.default.svc.cluster.local", ServiceName("default", "llm", "llm-0")),
        ("llm-0.llm.default.svc", ServiceName("default", "llm", "llm-0")),
    ],
)
def test_a_service_and_a_pod_of_one(text: str, first: ServiceName) -> None:
    assert [one for one in meanings(text) if one.namespace != "svc"] == [first]


def test_a_label_is_a_service_of_ones_own_namespace() -> None:
    assert list(meanings("llm", "team-a")) == [ServiceName("team-a", "llm")]


def test_two_labels_are_a_pod_of_ones_own_namespace_or_a_service_of_another() -> None:
    """In the order of a pod's search list."""
    assert list(meanings("llm.team-b", "team-a")) == [
        ServiceName("team-a", "team-b", "llm"),
        ServiceName("team-b", "llm"),
    ]


def test_three_labels_are_a_pod_of_another_namespace() -> None:
    assert list(meanings("llm-0.llm.team-b")) == [ServiceName("team-b", "llm", "llm-0")]


@pytest.mark.parametrize(
    "text",
    ["", ".", "llm.", "example.com.", "a.b.c.default.svc", "-x.default.svc", "l_m", "a..b"],
)
def test_what_is_none_of_ours(text: str) -> None:
    assert [one for one in meanings(text) if one.namespace != "svc"] == []


def test_the_domain_may_be_another() -> None:
    assert next(meanings("llm.default.svc.corp.example", domain="corp.example")) == LLM
    assert not list(meanings("llm.default.svc.cluster.local", domain="corp.example"))


@pytest.mark.parametrize(
    ("text", "label"), [("10.244.1.5", "10-244-1-5"), ("fd00:7::9", "fd00-7--9"), ("::1", "--1")]
)
def test_an_address_as_a_label(text: str, label: str) -> None:
    packed = ipaddress.ip_address(text).packed
    assert parse_dashed(label) == packed
    for ending in ("", ".cluster.local", ".cluster.local."):
        assert pod_address(f"{label}.default.pod{ending}") == packed


@pytest.mark.parametrize("text", ["llm", "1-2-3.default.pod", "10-244-1-5.default.svc", "10-244-1-5.pod"])
def test_what_is_no_pods_address(text: str) -> None:
    assert pod_address(text) is None


@given(st.text())
def test_any_text_has_meanings_or_none(text: str) -> None:
    list(meanings(text))
    pod_address(text)
