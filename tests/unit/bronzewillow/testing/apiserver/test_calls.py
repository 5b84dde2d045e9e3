from __future__ import annotations

import pytest

from bronzewillow.testing.apiserver.calls import ANONYMOUS, Call, User, parse_call
from bronzewillow.testing.apiserver.kinds import Kinds
from bronzewillow.testing.apiserver.refusals import Refused


def call(method: str, path: str, **query: str) -> Call:
    return parse_call(Kinds(), ANONYMOUS, method, path, query)


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/api/v1/pods", {}, ("list", "pods", "", "")),
        ("GET", "/api/v1/pods", {"watch": "true"}, ("watch", "pods", "", "")),
        ("GET", "/api/v1/namespaces/d/pods/a", {}, ("get", "pods", "d", "a")),
        ("POST", "/api/v1/namespaces/d/pods", {}, ("create", "pods", "d", "")),
        ("PUT", "/api/v1/nodes/a", {}, ("update", "nodes", "", "a")),
        ("PATCH", "/api/v1/namespaces/d/pods/a/status", {}, ("patch", "pods/status", "d", "a")),
        ("DELETE", "/apis/coordination.k8s.io/v1/namespaces/n/leases/l", {}, ("delete", "leases", "n", "l")),
        ("DELETE", "/api/v1/namespaces/d/pods", {}, ("deletecollection", "pods", "d", "")),
        ("GET", "/api/v1/namespaces/d", {}, ("get", "namespaces", "", "d")),
        ("GET", "/api/v1/nodes/a%2Fb", {}, ("get", "nodes", "", "a/b")),
    ],
)
def test_paths(method: str, path: str, query: dict[str, str], expected: tuple[str, ...]) -> None:
    found = call(method, path, **query)
    assert (found.verb, found.full_resource, found.namespace, found.name) == expected


def test_what_is_about_no_object() -> None:
    assert call("GET", "/version").kind is None
    assert call("GET", "/apis/apps/v1").kind is None


def test_the_rest_of_a_proxied_path() -> None:
    found = call("GET", "/api/v1/nodes/a/proxy/stats/summary")
    assert (found.subresource, found.rest) == ("proxy", "stats/summary")


@pytest.mark.parametrize("path", ["/api/v1/things", "/api/v1/pods/a", "/api/v1/namespaces/d/nodes"])
def test_what_is_not_served(path: str) -> None:
    with pytest.raises(Refused):
        call("GET", path)


def test_whose_identity_it_is() -> None:
    assert User("system:node:a", ("system:nodes",)).node == "a"
    assert User("system:node:a").node is None
    assert User("a", ("system:nodes",)).node is None
