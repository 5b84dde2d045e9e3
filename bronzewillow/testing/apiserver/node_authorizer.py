"""What a node may do: the Node authorizer, with selectors (k8s plugin/pkg/auth/authorizer/node)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bronzewillow.kube.resources import PODS, Object
from bronzewillow.testing.apiserver.calls import Call
from bronzewillow.testing.apiserver.selectors import field_terms
from bronzewillow.testing.apiserver.store import Store

_READ = {"get", "list", "watch"}
# Group, resource and subresource, verbs: what needs no look at the object.
_ALWAYS: dict[tuple[str, str], set[str]] = {
    ("authentication.k8s.io", "tokenreviews"): {"create"},
    ("authorization.k8s.io", "subjectaccessreviews"): {"create"},
    ("authorization.k8s.io", "localsubjectaccessreviews"): {"create"},
    ("", "services"): _READ,
    ("", "events"): {"create", "update", "patch"},
    ("certificates.k8s.io", "certificatesigningrequests"): {"create", *_READ},
    ("node.k8s.io", "runtimeclasses"): _READ,
    ("storage.k8s.io", "csidrivers"): _READ,
    ("", "pods"): {"create", "delete"},
    ("", "pods/status"): {"update", "patch"},
    ("", "pods/eviction"): {"create"},
    ("", "nodes/status"): {"update", "patch"},
}


def denial(store: Store, call: Call) -> str | None:
    """None when the call of a node may go on; else why not, "" for no particular reason."""
    node, resource = call.user.node, call.resource
    assert node is not None
    if resource.group == "" and not call.subresource:
        match resource.plural:
            case "secrets" | "configmaps":
                return _references(store, call, node)
            case "pods" if call.verb in _READ:
                return _own_pods(store, call, node)
            case "nodes":
                return _own_node(call, node)
    if (resource.group, call.full_resource) == ("", "serviceaccounts/token"):
        used = any(_account(pod) == (call.namespace, call.name) for pod in _pods(store, node))
        return (
            None
            if call.verb == "create" and used
            else f"no relationship found between node '{node}' and this object"
        )
    if (resource.group, resource.plural) == ("coordination.k8s.io", "leases"):
        return _own_lease(call, node)
    if (resource.group, resource.plural) == ("storage.k8s.io", "csinodes"):
        return (
            None
            if call.name in ("", node)
            else "can only access CSINode with the same name as the requesting node"
        )
    allowed = _ALWAYS.get((resource.group, call.full_resource), set())
    return None if call.verb in allowed else ""


def references(pod: Object) -> Iterator[tuple[str, str]]:
    """The (plural, name) of all Secrets and ConfigMaps that a pod names."""
    spec = pod["spec"]
    for secret in spec.get("imagePullSecrets") or []:
        yield "secrets", secret.get("name", "")
    containers = [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]
    for container in containers:
        for source in container.get("envFrom") or []:
            yield from _named(source, secretRef="secrets", configMapRef="configmaps")
        for variable in container.get("env") or []:
            found = variable.get("valueFrom") or {}
            yield from _named(found, secretKeyRef="secrets", configMapKeyRef="configmaps")
    for volume in spec.get("volumes") or []:
        if "secret" in volume:
            yield "secrets", volume["secret"].get("secretName", "")
        yield from _named(volume, configMap="configmaps")
        for source in (volume.get("projected") or {}).get("sources") or []:
            yield from _named(source, secret="secrets", configMap="configmaps")


def _named(source: dict[str, Any], **plurals: str) -> Iterator[tuple[str, str]]:
    for field, plural in plurals.items():
        if field in source:
            yield plural, source[field].get("name", "")


def _references(store: Store, call: Call, node: str) -> str | None:
    if call.verb not in _READ:
        return "can only read resources of this type"
    name = call.name or _selected(call, "metadata.name")
    if not name:
        return "can only read namespaced object of this type"
    wanted = (call.resource.plural, name)
    for pod in _pods(store, node):
        if pod["metadata"]["namespace"] == call.namespace and wanted in references(pod):
            return None
    return f"no relationship found between node '{node}' and this object"


def _own_pods(store: Store, call: Call, node: str) -> str | None:
    if call.verb == "get":
        pod = store.get(PODS, call.namespace, call.name)
        if pod is not None and pod["spec"].get("nodeName") == node:
            return None
        return f"no relationship found between node '{node}' and this object"
    if _selected(call, "spec.nodeName") == node:
        return None
    return "can only list/watch pods with spec.nodeName field selector"


def _own_node(call: Call, node: str) -> str | None:
    if call.verb == "delete":
        return ""
    if call.verb in ("create", "update", "patch"):
        return None  # NodeRestriction looks at the name
    name = call.name or _selected(call, "metadata.name")
    return None if name == node else f"node '{node}' cannot read '{call.name}', only its own Node object"


def _own_lease(call: Call, node: str) -> str | None:
    if call.namespace != "kube-node-lease":
        return 'can only access leases in the "kube-node-lease" system namespace'
    if call.verb in ("create", "get", "update", "patch", "delete"):
        ok = call.verb == "create" or call.name == node
        return None if ok else "can only access node lease with the same name as the requesting node"
    return "can only get, create, update, patch, or delete a node lease"


def _pods(store: Store, node: str) -> list[Object]:
    return [pod for pod in store.list(PODS) if pod["spec"].get("nodeName") == node]


def _account(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName", "default")


def _selected(call: Call, path: str) -> str:
    """The value that a field selector pins `path` to."""
    try:
        terms = field_terms(call.resource.kind, call.query.get("fieldSelector", ""))
    except ValueError:
        return ""
    return next((value for found, value, equal in terms if found == path and equal), "")
