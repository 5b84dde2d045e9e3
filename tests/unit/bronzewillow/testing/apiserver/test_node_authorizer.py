from __future__ import annotations

import pytest

from bronzewillow.kube.resources import PODS, Object
from bronzewillow.testing.apiserver.calls import User, parse_call
from bronzewillow.testing.apiserver.kinds import Kinds
from bronzewillow.testing.apiserver.node_authorizer import denial, references
from bronzewillow.testing.apiserver.store import Store

NODE = User("system:node:mac", ("system:nodes",))
ALL_REFERENCES: Object = {
    "imagePullSecrets": [{"name": "pull"}],
    "containers": [
        {
            "envFrom": [{"secretRef": {"name": "env-s"}}, {"configMapRef": {"name": "env-c"}}],
            "env": [
                {"valueFrom": {"secretKeyRef": {"name": "key-s"}}},
                {"valueFrom": {"configMapKeyRef": {"name": "key-c"}}},
                {"value": "x"},
            ],
        }
    ],
    "initContainers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "init-s"}}}]}],
    "volumes": [
        {"secret": {"secretName": "vol-s"}},
        {"configMap": {"name": "vol-c"}},
        {"projected": {"sources": [{"secret": {"name": "pro-s"}}, {"configMap": {"name": "pro-c"}}]}},
        {"emptyDir": {}},
    ],
}


@pytest.fixture
def store() -> Store:
    made = Store()
    for name, node in (("mine", "mac"), ("theirs", "other")):
        spec = {**ALL_REFERENCES, "nodeName": node, "serviceAccountName": f"sa-{name}"}
        made.put(PODS, {"metadata": {"name": name, "namespace": "d"}, "spec": spec})
    return made


def ask(store: Store, method: str, path: str, **query: str) -> str | None:
    return denial(store, parse_call(Kinds(), NODE, method, path, query))


ALLOWED: list[tuple[str, str, dict[str, str]]] = [
    ("GET", "/api/v1/pods", {"fieldSelector": "spec.nodeName=mac"}),
    ("GET", "/api/v1/pods", {"fieldSelector": "spec.nodeName=mac", "watch": "1"}),
    ("GET", "/api/v1/namespaces/d/pods/mine", {}),
    ("PATCH", "/api/v1/namespaces/d/pods/mine/status", {}),
    ("POST", "/api/v1/namespaces/d/pods/mine/eviction", {}),
    ("GET", "/api/v1/nodes", {"fieldSelector": "metadata.name=mac"}),
    ("GET", "/api/v1/nodes/mac", {}),
    ("POST", "/api/v1/nodes", {}),
    ("PATCH", "/api/v1/nodes/mac/status", {}),
    ("GET", "/api/v1/namespaces/d/secrets/pull", {}),
    ("GET", "/api/v1/namespaces/d/configmaps", {"fieldSelector": "metadata.name=vol-c", "watch": "1"}),
    ("POST", "/api/v1/namespaces/d/serviceaccounts/sa-mine/token", {}),
    ("PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/mac", {}),
    ("POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", {}),
    ("GET", "/api/v1/services", {}),
    ("POST", "/api/v1/namespaces/d/events", {}),
    ("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {}),
    ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {}),
    ("POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests", {}),
    ("GET", "/apis/storage.k8s.io/v1/csinodes/mac", {}),
]
DENIED: list[tuple[str, str, dict[str, str]]] = [
    ("GET", "/api/v1/pods", {}),
    ("GET", "/api/v1/pods", {"fieldSelector": "spec.nodeName=other"}),
    ("GET", "/api/v1/pods", {"fieldSelector": "spec.nodeName!=mac"}),
    ("GET", "/api/v1/namespaces/d/pods/theirs", {}),
    ("GET", "/api/v1/nodes", {}),
    ("GET", "/api/v1/nodes/other", {}),
    ("DELETE", "/api/v1/nodes/mac", {}),
    ("GET", "/api/v1/namespaces/d/secrets", {}),
    ("GET", "/api/v1/namespaces/d/secrets/unreferenced", {}),
    ("GET", "/api/v1/namespaces/other/secrets/pull", {}),
    ("PATCH", "/api/v1/namespaces/d/secrets/pull", {}),
    ("POST", "/api/v1/namespaces/d/serviceaccounts/sa-theirs/token", {}),
    ("GET", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", {}),
    ("GET", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/other", {}),
    ("GET", "/apis/coordination.k8s.io/v1/namespaces/d/leases/mac", {}),
    ("GET", "/apis/discovery.k8s.io/v1/endpointslices", {}),
    ("POST", "/api/v1/namespaces/d/services", {}),
    ("GET", "/apis/storage.k8s.io/v1/csinodes/other", {}),
    ("GET", "/api/v1/namespaces", {}),
]


@pytest.mark.parametrize(("method", "path", "query"), ALLOWED)
def test_allowed(store: Store, method: str, path: str, query: dict[str, str]) -> None:
    assert ask(store, method, path, **query) is None


@pytest.mark.parametrize(("method", "path", "query"), DENIED)
def test_denied(store: Store, method: str, path: str, query: dict[str, str]) -> None:
    assert ask(store, method, path, **query) is not None


def test_all_that_a_pod_names() -> None:
    found = sorted(name for _, name in references({"spec": ALL_REFERENCES}))
    kinds = ("env", "key", "vol", "pro")
    assert found == sorted(["pull", "init-s", *(f"{kind}-{of}" for kind in kinds for of in "sc")])
