from __future__ import annotations

import pytest

from bronzewillow.kube.resources import (
    PODS,
    SERVICE_ACCOUNTS,
    SUBJECT_ACCESS_REVIEWS,
    TOKEN_REVIEWS,
    Object,
    Resource,
)
from bronzewillow.testing.apiserver.calls import User, parse_call
from bronzewillow.testing.apiserver.kinds import POD_DISRUPTION_BUDGETS
from bronzewillow.testing.apiserver.refusals import Refused
from bronzewillow.testing.apiserver.reviews import Reviews
from bronzewillow.testing.apiserver.server import ApiServer

ADMIN = User("admin", ("system:masters", "system:authenticated"))


def reviews(server: ApiServer) -> Reviews:
    return server.reviews


def review(server: ApiServer, resource: Resource, spec: Object) -> Object:
    call = parse_call(server.kinds, ADMIN, "POST", resource.path(), {})
    status: Object = reviews(server).answer(call, {"spec": spec})["status"]
    return status


def act(server: ApiServer, resource: Resource, name: str, subresource: str, body: Object) -> Object:
    call = parse_call(server.kinds, ADMIN, "POST", resource.path("default", name, subresource), {})
    return reviews(server).subresource(call, body)


def pod(server: ApiServer) -> Object:
    metadata = {"name": "a", "namespace": "default", "labels": {"app": "llm"}}
    return server.make(PODS, {"metadata": metadata, "spec": {"containers": [{"name": "c", "image": "i"}]}})


def test_tokens_are_issued_and_reviewed(server: ApiServer) -> None:
    uid = pod(server)["metadata"]["uid"]
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "a", "uid": uid}
    answer = act(
        server,
        SERVICE_ACCOUNTS,
        "default",
        "token",
        {"spec": {"audiences": [], "expirationSeconds": 3607, "boundObjectRef": bound}},
    )
    assert answer["status"]["expirationTimestamp"] == "2025-01-01T01:00:07Z"
    status = review(server, TOKEN_REVIEWS, {"token": answer["status"]["token"]})
    assert status["authenticated"] is True
    assert status["user"]["username"] == "system:serviceaccount:default:default"
    assert "authenticated" not in review(server, TOKEN_REVIEWS, {"token": "false"})


def test_token_requests_that_do_not_fit(server: ApiServer) -> None:
    for spec in (
        {"expirationSeconds": 5},
        {"boundObjectRef": {"kind": "Pod", "name": "gone"}},
    ):
        with pytest.raises(Refused):
            act(server, SERVICE_ACCOUNTS, "default", "token", {"spec": spec})


def test_access(server: ApiServer) -> None:
    asked = {"verb": "get", "resource": "nodes", "subresource": "log", "name": "mac"}
    masters = {"user": "x", "groups": ["system:masters"], "resourceAttributes": asked}
    assert review(server, SUBJECT_ACCESS_REVIEWS, masters)["allowed"] is True
    assert review(server, SUBJECT_ACCESS_REVIEWS, {**masters, "groups": []})["allowed"] is False
    path = {"user": "x", "nonResourceAttributes": {"verb": "get", "path": "/version"}}
    assert review(server, SUBJECT_ACCESS_REVIEWS, path)["allowed"] is True
    unknown = {"user": "x", "groups": [], "resourceAttributes": {"verb": "get", "resource": "things"}}
    assert review(server, SUBJECT_ACCESS_REVIEWS, unknown)["allowed"] is False


def test_binding(server: ApiServer) -> None:
    pod(server)
    act(server, PODS, "a", "binding", {"target": {"name": "mac"}})
    found = server.store.get(PODS, "default", "a")
    assert found is not None
    assert found["spec"]["nodeName"] == "mac"
    assert found["status"]["conditions"][0]["type"] == "PodScheduled"
    with pytest.raises(Refused, match="already assigned"):
        act(server, PODS, "a", "binding", {"target": {"name": "other"}})


def test_eviction_heeds_budgets(server: ApiServer) -> None:
    pod(server)
    act(server, PODS, "a", "binding", {"target": {"name": "mac"}})
    spec = {"selector": {"matchLabels": {"app": "llm"}}}
    budget = server.make(
        POD_DISRUPTION_BUDGETS, {"metadata": {"name": "b", "namespace": "default"}, "spec": spec}
    )
    with pytest.raises(Refused, match="disruption budget"):
        act(server, PODS, "a", "eviction", {})
    server.store.put(POD_DISRUPTION_BUDGETS, {**budget, "status": {"disruptionsAllowed": 1}})
    act(server, PODS, "a", "eviction", {"deleteOptions": {"gracePeriodSeconds": 7}})
    found = server.store.get(PODS, "default", "a")
    assert found is not None
    assert found["metadata"]["deletionGracePeriodSeconds"] == 7
