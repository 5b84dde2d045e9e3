"""What controllers and the scheduler do to a cluster, at once after each change, as far as nodes feel it.

Deployments and the like are kept but make no pods; nothing here looks at a clock but `find_lost_nodes`.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from bronzewillow.kube.resources import (
    CERTIFICATE_SIGNING_REQUESTS,
    CONFIG_MAPS,
    ENDPOINT_SLICES,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Object,
)
from bronzewillow.kube.times import emit_time, parse_time
from bronzewillow.testing.apiserver import bootstrap, certificates
from bronzewillow.testing.apiserver.authority import Authority
from bronzewillow.testing.apiserver.authorization import Authorizer
from bronzewillow.testing.apiserver.calls import Call, User
from bronzewillow.testing.apiserver.kinds import Kind
from bronzewillow.testing.apiserver.reviews import bind
from bronzewillow.testing.apiserver.selectors import matches_labels
from bronzewillow.testing.apiserver.store import Store

POD_CIDR = ipaddress.ip_network("10.244.0.0/16")
_GRACE = timedelta(seconds=50)
_NOT_READY, _UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"


class Controllers:
    """`settle` brings the store to where they would leave it."""

    def __init__(
        self, store: Store, authority: Authority, authorizer: Authorizer, clock: Callable[[], datetime]
    ) -> None:
        self._store, self._authority = store, authority
        self.allocates_node_cidrs = True
        """As the controller manager does with the option of that name."""
        self._authorizer, self._clock = authorizer, clock
        self.schedules = True
        """Whether pods without a node get one."""

    def settle(self) -> None:
        """Again and again until nothing changes."""
        while True:
            version = self._store.version
            for step in (
                self._namespaces,
                self._certificates,
                self._nodes,
                self._schedule,
                self._endpoints,
                lambda: bootstrap.sign(self._store),
            ):
                step()
            if self._store.version == version:
                return

    def find_lost_nodes(self) -> None:
        """The node lifecycle controller: nodes whose Lease is old are Unknown, and are tainted."""
        now = self._clock()
        for node in self._store.list(NODES):
            lease = self._store.get(LEASES, "kube-node-lease", node["metadata"]["name"])
            times = [c["lastHeartbeatTime"] for c in _conditions(node) if c.get("lastHeartbeatTime")]
            times += [lease["spec"]["renewTime"]] if lease else []
            if times and max(map(parse_time, times)) + _GRACE < now and _ready(node) != "Unknown":
                for condition in _conditions(node):
                    condition |= {"status": "Unknown", "reason": "NodeStatusUnknown"}
                    condition["message"] = "Kubelet stopped posting node status."
                    condition["lastTransitionTime"] = emit_time(now)
                self._store.put(NODES, node)
                for pod in self._store.list(PODS):
                    if pod["spec"].get("nodeName") == node["metadata"]["name"]:
                        self._mark_unready(pod)
        self.settle()

    def _mark_unready(self, pod: Object) -> None:
        for condition in pod["status"].get("conditions") or []:
            if condition["type"] == "Ready":
                condition["status"] = "False"
        self._store.put(PODS, pod)

    def _namespaces(self) -> None:
        for namespace in self._store.list(NAMESPACES):
            name = namespace["metadata"]["name"]
            if self._store.get(SERVICE_ACCOUNTS, name, "default") is None:
                self._make(SERVICE_ACCOUNTS, {"metadata": {"name": "default", "namespace": name}})
            if self._store.get(CONFIG_MAPS, name, "kube-root-ca.crt") is None:
                metadata = {"name": "kube-root-ca.crt", "namespace": name}
                data = {"ca.crt": self._authority.ca_pem.decode()}
                self._make(CONFIG_MAPS, {"metadata": metadata, "data": data})

    def _certificates(self) -> None:
        for request in self._store.list(CERTIFICATE_SIGNING_REQUESTS):
            approved = certificates.approve_own(request, self._may_have)
            if certificates.sign(request, self._authority) or approved:
                self._store.put(CERTIFICATE_SIGNING_REQUESTS, request)

    def _may_have(self, user: User, subresource: str) -> bool:
        kind = Kind(CERTIFICATE_SIGNING_REQUESTS)
        return self._authorizer.denial(Call(user, "create", kind=kind, subresource=subresource)) is None

    def _nodes(self) -> None:
        nodes = self._store.list(NODES)
        used = {node["spec"].get("podCIDR") for node in nodes}
        for node in nodes:
            spec: dict[str, Any] = node["spec"]
            before = (spec.get("podCIDR"), spec.get("taints"))
            if self.allocates_node_cidrs and not spec.get("podCIDR"):
                cidr = next(str(c) for c in POD_CIDR.subnets(new_prefix=24) if str(c) not in used)
                used.add(cidr)
                spec |= {"podCIDR": cidr, "podCIDRs": [cidr]}
            wanted = {
                "True": [],
                "Unknown": [(_UNREACHABLE, "NoSchedule"), (_UNREACHABLE, "NoExecute")],
            }.get(_ready(node), [(_NOT_READY, "NoSchedule"), (_NOT_READY, "NoExecute")])
            if not _ready(node):
                wanted = []  # until it says something it is nobody's concern
            others = [t for t in spec.get("taints") or [] if t["key"] not in (_NOT_READY, _UNREACHABLE)]
            taints = others + [{"key": key, "effect": effect} for key, effect in wanted]
            spec.pop("taints", None)
            if taints:
                spec["taints"] = taints
            if before != (spec.get("podCIDR"), spec.get("taints")):
                self._store.put(NODES, node)

    def _schedule(self) -> None:
        if not self.schedules:
            return
        nodes = self._store.list(NODES)
        for pod in self._store.list(PODS):
            ours = pod["spec"].get("schedulerName") == "default-scheduler"
            if not ours or pod["spec"].get("nodeName") or "deletionTimestamp" in pod["metadata"]:
                continue
            fitting = next((node for node in nodes if _fits(pod, node)), None)
            if fitting is not None:
                bind(self._store, pod, fitting["metadata"]["name"])

    def _endpoints(self) -> None:
        for service in self._store.list(SERVICES):
            if service["spec"].get("selector"):
                self._slice(service)

    def _slice(self, service: Object) -> None:
        name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        selector = service["spec"]["selector"]
        endpoints = [
            _endpoint(pod)
            for pod in self._store.list(PODS, namespace)
            if matches_labels(selector, pod["metadata"].get("labels") or {})
            and pod["status"].get("podIP")
            and pod["status"].get("phase") not in ("Succeeded", "Failed")
        ]
        ports = [
            {"name": port.get("name", ""), "port": port["targetPort"], "protocol": port["protocol"]}
            for port in service["spec"].get("ports") or []
            if isinstance(port["targetPort"], int)
        ]
        metadata = {
            "name": f"{name}-double",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": name},
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "name": name,
                    "uid": service["metadata"]["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        }
        found = self._store.get(ENDPOINT_SLICES, namespace, metadata["name"])
        new = {"addressType": "IPv4", "endpoints": endpoints, "ports": ports}
        if found is None:
            self._make(ENDPOINT_SLICES, {"metadata": metadata, **new})
        elif {field: found[field] for field in new} != new:
            self._store.put(ENDPOINT_SLICES, {**found, **new})

    def _make(self, resource: Any, obj: Object) -> None:
        metadata = {
            "uid": str(uuid.uuid4()),
            "creationTimestamp": emit_time(self._clock()),
            **obj["metadata"],
        }
        about = {"apiVersion": resource.api_version, "kind": resource.kind}
        self._store.put(resource, {**about, **obj, "metadata": metadata})


def _conditions(node: Object) -> list[dict[str, Any]]:
    return node.get("status", {}).get("conditions") or []


def _ready(node: Object) -> str:
    return next((str(c["status"]) for c in _conditions(node) if c["type"] == "Ready"), "")


def _fits(pod: Object, node: Object) -> bool:
    labels = node["metadata"].get("labels") or {}
    selector = pod["spec"].get("nodeSelector") or {}
    if node["spec"].get("unschedulable") or any(labels.get(k) != v for k, v in selector.items()):
        return False
    tolerations = pod["spec"].get("tolerations") or []
    hard = [taint for taint in node["spec"].get("taints") or [] if taint["effect"] != "PreferNoSchedule"]
    return all(any(_tolerates(toleration, taint) for toleration in tolerations) for taint in hard)


def _tolerates(toleration: dict[str, Any], taint: dict[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    same = toleration.get("key") == taint["key"]
    return same and bool(toleration.get("value", "") == taint.get("value", ""))


def _endpoint(pod: Object) -> dict[str, Any]:
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions") or [])
    terminating = "deletionTimestamp" in pod["metadata"]
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready and not terminating, "serving": ready, "terminating": terminating},
        "nodeName": pod["spec"].get("nodeName"),
        "targetRef": {
            "kind": "Pod",
            "name": pod["metadata"]["name"],
            "namespace": pod["metadata"]["namespace"],
            "uid": pod["metadata"]["uid"],
        },
    }
