"""The next write."""

from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.adapters.network import NODES, Cluster, Publication, Resource, Write
from bronzewillow.cluster.publishing import NextWrite, Verb, next_write

POOLS = Resource("crd.projectcalico.org", "v1", "ippools")
POOL: dict[str, Any] = {"metadata": {"name": "p"}, "spec": {"cidr": "10.0.0.0/24", "uses": ["a", "b"]}}
ANNOTATED = {"metadata": {"annotations": {"a": "1"}}}


def publication(write: Write, resource: Resource = POOLS, body: Any = POOL) -> Publication:
    return Publication(write, resource, "p", body)


def cluster(obj: Any, resource: Resource = POOLS) -> Cluster:
    return Cluster({resource: {"p": obj}})


def test_what_is_absent_is_created() -> None:
    assert next_write([publication(Write.ENSURE)], Cluster()) == NextWrite(Verb.CREATE, POOLS, "p", POOL)


def test_what_stands_is_left_alone_whatever_else_is_there() -> None:
    more = {
        "metadata": {"name": "p", "resourceVersion": "7"},
        "spec": {**POOL["spec"], "more": 1},
        "status": {},
    }
    assert next_write([publication(Write.ENSURE)], cluster(more)) is None


def test_what_was_changed_is_replaced_at_its_version() -> None:
    changed = {
        "metadata": {"name": "p", "resourceVersion": "7"},
        "spec": {"cidr": "x", "uses": ["a"], "more": 1},
    }
    request = next_write([publication(Write.ENSURE)], cluster(changed))
    assert request is not None
    assert request.verb is Verb.REPLACE
    assert request.body == {
        "metadata": {"name": "p", "resourceVersion": "7"},
        "spec": {"cidr": "10.0.0.0/24", "uses": ["a", "b"], "more": 1},
    }


@pytest.mark.parametrize(
    ("write", "verb"), [(Write.MERGE, Verb.PATCH), (Write.MERGE_STATUS, Verb.PATCH_STATUS)]
)
def test_a_merge_waits_for_its_object_and_says_only_what_it_wants(write: Write, verb: Verb) -> None:
    wanted = publication(write, NODES, ANNOTATED)
    assert next_write([wanted], Cluster()) is None
    assert next_write([wanted], cluster({"metadata": {}}, NODES)) == NextWrite(verb, NODES, "p", ANNOTATED)
    assert next_write([wanted], cluster({"metadata": {"annotations": {"a": "1", "b": "2"}}}, NODES)) is None


def test_none_means_that_nothing_may_be_there() -> None:
    wanted = publication(Write.MERGE, NODES, {"metadata": {"annotations": {"a": None}}})
    assert next_write([wanted], cluster({"metadata": {"annotations": {"a": "1"}}}, NODES)) is not None
    assert next_write([wanted], cluster({"metadata": {"annotations": {"b": "1"}}}, NODES)) is None
    assert next_write([wanted], cluster({"metadata": {}}, NODES)) is None


def test_an_empty_object_is_content_with_any() -> None:
    wanted = publication(Write.ENSURE, body={"spec": {"ipam": {}}})
    assert next_write([wanted], cluster({"spec": {"ipam": {"podCIDRs": ["10.0.5.0/24"]}}})) is None


def test_deleting() -> None:
    assert next_write([publication(Write.DELETE, body={})], Cluster()) is None
    assert next_write([publication(Write.DELETE, body={})], cluster({})) == NextWrite(
        Verb.DELETE, POOLS, "p", {}
    )


def test_the_order_is_kept() -> None:
    wanted = [publication(Write.ENSURE), publication(Write.MERGE_STATUS, NODES, ANNOTATED)]
    both = Cluster({NODES: {"p": {}}})
    first = next_write(wanted, both)
    assert first is not None
    assert first.resource == POOLS
    second = next_write(wanted, Cluster({NODES: {"p": {}}, POOLS: {"p": POOL}}))
    assert second is not None
    assert second.resource == NODES
