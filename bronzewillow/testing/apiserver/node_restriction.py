"""The NodeRestriction admission plugin (k8s plugin/pkg/admission/noderestriction): what a node may write."""

from __future__ import annotations

from typing import Any

from bronzewillow.kube.resources import NODES, PODS, Object
from bronzewillow.testing.apiserver.calls import Call
from bronzewillow.testing.apiserver.node_authorizer import references
from bronzewillow.testing.apiserver.refusals import Refused, forbidden
from bronzewillow.testing.apiserver.store import Store

MIRROR = "kubernetes.io/config.mirror"
_LABELS = {
    "kubernetes.io/hostname",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/instance-type",
    "node.kubernetes.io/instance-type",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.kubernetes.io/region",
    "failure-domain.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
}
_LABEL_NAMESPACES = ("kubelet.kubernetes.io", "node.kubernetes.io")


def restrict(store: Store, call: Call, old: Object | None, new: Object | None) -> None:
    """Refused for what a node may not write; `old` is what is there, `new` what is to be."""
    node = call.user.node
    if node is None:
        return
    match (call.resource.group, call.full_resource):
        case ("", "nodes" | "nodes/status"):
            _node(call, node, old, new)
        case ("", "pods"):
            _pod(store, call, node, old, new)
        case ("", "pods/status"):
            _pod_status(call, node, old, new)
        case ("", "pods/eviction"):
            _owns(call, node, old)
        case ("", "serviceaccounts/token"):
            _token(store, call, node, new)
        case ("coordination.k8s.io", "leases") if call.verb == "create" and new is not None:
            if new["metadata"].get("name") != node:
                raise _denied(call, "can only access node lease with the same name as the requesting node")


def _denied(call: Call, why: str) -> Refused:
    return forbidden(call.resource, call.name, why)


def _node(call: Call, node: str, old: Object | None, new: Object | None) -> None:
    name = (new or old or {"metadata": {}})["metadata"].get("name", call.name)
    if name != node:
        raise forbidden(NODES, name, f'node "{node}" is not allowed to modify node "{name}"')
    if new is None:
        return
    if old is None:
        labels = _changed_labels({}, new)
    else:
        if old["spec"].get("taints", []) != new["spec"].get("taints", []):
            raise _denied(call, f'node "{node}" is not allowed to modify taints')
        labels = _changed_labels(old["metadata"].get("labels") or {}, new)
        if old["metadata"].get("ownerReferences") != new["metadata"].get("ownerReferences"):
            raise _denied(call, f'node "{node}" is not allowed to update ownerReferences')
    if wrong := sorted(label for label in labels if not _may_set(label)):
        what = "set the following labels" if old is None else "modify labels"
        raise forbidden(NODES, name, f"is not allowed to {what}: {', '.join(wrong)}")


def _changed_labels(old: dict[str, str], new: Object) -> set[str]:
    labels = new["metadata"].get("labels") or {}
    return {key for key in {*old, *labels} if old.get(key) != labels.get(key)}


def _may_set(label: str) -> bool:
    namespace = label.partition("/")[0] if "/" in label else ""
    ours = namespace in ("kubernetes.io", "k8s.io") or namespace.endswith((".kubernetes.io", ".k8s.io"))
    if not ours:
        return True
    return label in _LABELS or any(
        namespace == allowed or namespace.endswith(f".{allowed}") for allowed in _LABEL_NAMESPACES
    )


def _pod(store: Store, call: Call, node: str, old: Object | None, new: Object | None) -> None:
    if call.verb == "delete":
        _owns(call, node, old)
    elif call.verb == "create" and new is not None:
        _mirror_pod(store, call, node, new)


def _owns(call: Call, node: str, pod: Object | None) -> None:
    if pod is None or pod["spec"].get("nodeName") != node:
        verb = "delete" if call.verb == "delete" else "evict"
        raise _denied(call, f'node "{node}" can only {verb} pods with spec.nodeName set to itself')


def _mirror_pod(store: Store, call: Call, node: str, pod: Object) -> None:
    metadata, spec = pod["metadata"], pod["spec"]
    if MIRROR not in (metadata.get("annotations") or {}):
        raise _denied(
            call, f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods'
        )
    if spec.get("nodeName") != node:
        raise _denied(call, f'node "{node}" can only create pods with spec.nodeName set to itself')
    owners = metadata.get("ownerReferences") or []
    if len(owners) != 1 or owners[0].get("kind") != "Node" or owners[0].get("name") != node:
        raise _denied(call, f'node "{node}" can only create pods with an owner reference set to itself')
    if not owners[0].get("controller"):
        raise _denied(
            call, f'node "{node}" can only create pods with a controller owner reference set to itself'
        )
    found = store.get(NODES, "", node)
    if found is None or found["metadata"]["uid"] != owners[0].get("uid"):
        raise _denied(call, f"node {node} UID mismatch: expected {owners[0].get('uid')}")
    if spec.get("serviceAccountName"):
        raise _denied(call, f'node "{node}" can not create pods that reference a service account')
    for plural, _ in references(pod):
        raise _denied(call, f'node "{node}" can not create pods that reference {plural}')
    if any("persistentVolumeClaim" in volume for volume in spec.get("volumes") or []):
        raise _denied(call, f'node "{node}" can not create pods that reference persistentvolumeclaims')


def _pod_status(call: Call, node: str, old: Object | None, new: Object | None) -> None:
    if old is None or old["spec"].get("nodeName") != node:
        raise _denied(
            call, f'node "{node}" can only update pod status for pods with spec.nodeName set to itself'
        )
    if new is not None and (old["metadata"].get("labels") or {}) != (new["metadata"].get("labels") or {}):
        raise _denied(call, f'node "{node}" cannot update labels through pod status')


def _token(store: Store, call: Call, node: str, request: Object | None) -> None:
    bound: dict[str, Any] = ((request or {}).get("spec") or {}).get("boundObjectRef") or {}
    if bound.get("kind") != "Pod" or bound.get("apiVersion", "v1") != "v1":
        raise _denied(call, f'node "{node}" can only request tokens bound to a pod')
    if not bound.get("uid"):
        raise _denied(call, f'node "{node}" requested token with a pod binding without a uid')
    pod = store.get(PODS, call.namespace, bound.get("name", ""))
    if pod is None:
        raise Refused(404, "NotFound", f'pod "{bound.get("name", "")}" not found')
    if pod["metadata"]["uid"] != bound["uid"]:
        why = (
            f"the UID in the bound object reference ({bound['uid']}) does not match the UID in record "
            f"({pod['metadata']['uid']}). The object might have been deleted and then recreated"
        )
        raise _denied(call, why)
    if pod["spec"].get("nodeName") != node:
        raise _denied(call, f'node "{node}" requested token bound to a pod scheduled on a different node')
