"""What is filled in, and what is refused, when an object is made. Pods have a file of their own."""

from __future__ import annotations

import base64
import ipaddress
from typing import Any

from bronzewillow.kube.resources import SERVICES, Object
from bronzewillow.testing.apiserver import certificates, pod_defaults
from bronzewillow.testing.apiserver.calls import Call
from bronzewillow.testing.apiserver.refusals import invalid
from bronzewillow.testing.apiserver.store import Store

SERVICE_CIDR = ipaddress.ip_network("10.96.0.0/16")
_NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def prepare_for_create(store: Store, call: Call, obj: Object) -> None:
    """Refused for what is not valid."""
    match (call.resource.group, call.resource.plural):
        case ("", "pods"):
            pod_defaults.prepare(store, obj)
        case ("", "nodes"):
            _node(obj)
        case ("", "services"):
            _service(store, obj)
        case ("", "secrets"):
            _secret(obj)
        case ("", "namespaces"):
            obj["spec"] = {"finalizers": ["kubernetes"]}
            obj["status"] = {"phase": "Active"}
            obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
        case ("certificates.k8s.io", "certificatesigningrequests"):
            certificates.prepare(call, obj)
        case ("coordination.k8s.io", "leases"):
            validate_lease(call, obj)
        case ("apiextensions.k8s.io", "customresourcedefinitions"):
            _definition(obj)


def validate_lease(call: Call, obj: Object) -> None:
    """`leaseDurationSeconds` is at least 1."""
    duration = (obj.get("spec") or {}).get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        why = f"Invalid value: {duration}: must be greater than 0"
        raise invalid(call.resource, obj["metadata"]["name"], "spec.leaseDurationSeconds", why)


def _node(obj: Object) -> None:
    """The TaintNodesByCondition admission: nobody is scheduled to a node that has not said it is ready."""
    spec = obj.setdefault("spec", {}) or {}
    obj["spec"] = spec
    taints = spec.setdefault("taints", []) or []
    spec["taints"] = taints if _NOT_READY in taints else [*taints, dict(_NOT_READY)]
    obj.setdefault("status", {})


def _service(store: Store, obj: Object) -> None:
    spec: dict[str, Any] = obj["spec"]
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port["port"])
    if spec["type"] != "ExternalName":
        if not spec.get("clusterIP"):
            used = {service["spec"].get("clusterIP") for service in store.list(SERVICES)}
            free = (str(address) for address in SERVICE_CIDR.hosts())
            spec["clusterIP"] = next(address for address in free if address not in used)
        spec.setdefault("clusterIPs", [spec["clusterIP"]])
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
    obj["status"] = {"loadBalancer": {}}


def _secret(obj: Object) -> None:
    obj.setdefault("type", "Opaque")
    for name, value in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[name] = base64.b64encode(value.encode()).decode()


def _definition(obj: Object) -> None:
    names = obj["spec"]["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    conditions = [
        {"type": kind, "status": "True", "reason": reason, "message": ""}
        for kind, reason in (("NamesAccepted", "NoConflicts"), ("Established", "InitialNamesAccepted"))
    ]
    obj["status"] = {"conditions": conditions, "acceptedNames": names, "storedVersions": []}
