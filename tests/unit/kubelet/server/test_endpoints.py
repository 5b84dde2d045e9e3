"""Which right a request needs."""

from __future__ import annotations

import pytest

from kubelet.server.endpoints import rights


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/pods", ["get pods", "get proxy"]),
        ("GET", "/runningpods/", ["get pods", "get proxy"]),
        ("GET", "/healthz/syncloop", ["get healthz", "get proxy"]),
        ("GET", "/configz", ["get configz", "get proxy"]),
        ("GET", "/stats/summary", ["get stats"]),
        ("GET", "/metrics/resource", ["get metrics"]),
        ("GET", "/logs/system.log", ["get log"]),
        ("POST", "/checkpoint/a/b/c", ["create checkpoint"]),
        ("POST", "/exec/a/b/c", ["create proxy"]),
        ("GET", "/exec/a/b/c", ["get proxy"]),
        ("GET", "/containerLogs/a/b/c", ["get proxy"]),
        ("PUT", "/debug/flags/v", ["update proxy"]),
        ("GET", "/", ["get proxy"]),
        ("TRACE", "/pods", [" pods", " proxy"]),
    ],
)
def test_rights(method: str, path: str, needed: list[str]) -> None:
    assert [f"{right.verb} {right.subresource}" for right in rights(method, path, "mac-1")] == needed


def test_a_right_is_about_this_node() -> None:
    assert rights("GET", "/metrics", "mac-1")[0].attributes() == {
        "verb": "get",
        "group": "",
        "version": "v1",
        "resource": "nodes",
        "subresource": "metrics",
        "name": "mac-1",
    }
