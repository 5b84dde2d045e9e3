"""What a Pod becomes when it is created: defaults, the service account's token, tolerations, QoS."""

from __future__ import annotations

import secrets
from typing import Any

from bronzewillow.kube.resources import PODS, SERVICE_ACCOUNTS, Object
from bronzewillow.testing.apiserver.node_restriction import MIRROR
from bronzewillow.testing.apiserver.refusals import forbidden, invalid
from bronzewillow.testing.apiserver.store import Store

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_EVICTED_AFTER_S = 300


def prepare(store: Store, pod: Object) -> None:
    """Refused for what is not valid."""
    spec = pod.setdefault("spec", {})
    validate(pod)
    if MIRROR not in (pod["metadata"].get("annotations") or {}):
        _service_account(store, pod)
        _tolerations(spec)
    _defaults(spec)
    pod["status"] = {"phase": "Pending", "qosClass": qos_class(spec)}


def validate(pod: Object) -> None:
    """That there are containers with names and images."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    if not spec.get("containers"):
        raise invalid(PODS, name, "spec.containers", "Required value", "FieldValueRequired")
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or []):
            for needed in ("name", "image"):
                if not container.get(needed):
                    where = f"spec.{field}[{index}].{needed}"
                    raise invalid(PODS, name, where, "Required value", "FieldValueRequired")


def qos_class(spec: dict[str, Any]) -> str:
    """Guaranteed, Burstable or BestEffort; cpu and memory count."""
    containers = [*spec["containers"], *(spec.get("initContainers") or [])]
    requests, guaranteed = False, True
    for container in containers:
        resources = container.get("resources") or {}
        asked, limits = resources.get("requests") or {}, resources.get("limits") or {}
        for name in ("cpu", "memory"):
            requests = requests or name in asked or name in limits
            if name not in limits or asked.get(name, limits[name]) != limits[name]:
                guaranteed = False
    return "BestEffort" if not requests else "Guaranteed" if guaranteed else "Burstable"


def _defaults(spec: dict[str, Any]) -> None:
    defaults = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
    }
    for name, value in defaults.items():
        spec.setdefault(name, value)
    for container in [*spec["containers"], *(spec.get("initContainers") or [])]:
        _container(container)
    for volume in spec.get("volumes") or []:
        for source in ("secret", "configMap", "projected", "downwardAPI"):
            if isinstance(volume.get(source), dict):
                volume[source].setdefault("defaultMode", 0o644)
        if volume.keys() == {"name"}:
            volume["emptyDir"] = {}


def _container(container: dict[str, Any]) -> None:
    image = container["image"]
    tagged = "@" in image or ":" in image.rpartition("/")[2]
    latest = not tagged or image.endswith(":latest")
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    resources = container.setdefault("resources", {})
    for name, limit in (resources.get("limits") or {}).items():
        resources.setdefault("requests", {}).setdefault(name, limit)
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
    for probe in filter(None, map(container.get, _PROBES)):
        for name, value in (
            ("timeoutSeconds", 1),
            ("periodSeconds", 10),
            ("successThreshold", 1),
            ("failureThreshold", 3),
        ):
            probe.setdefault(name, value)
        if "httpGet" in probe:
            probe["httpGet"].setdefault("scheme", "HTTP")
            probe["httpGet"].setdefault("path", "/")


def _service_account(store: Store, pod: Object) -> None:
    spec, namespace = pod["spec"], pod["metadata"]["namespace"]
    name = spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = name
    account = store.get(SERVICE_ACCOUNTS, namespace, name)
    if account is None:
        why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
        raise forbidden(PODS, pod["metadata"]["name"], why)
    if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = account["imagePullSecrets"]
    wanted = spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True))
    if wanted:
        _mount_token(spec)


def _mount_token(spec: dict[str, Any]) -> None:
    volume = f"kube-api-access-{secrets.token_hex(3)[:5]}"
    mounted = False
    for container in [*spec["containers"], *(spec.get("initContainers") or [])]:
        mounts = container.setdefault("volumeMounts", [])
        if all(mount["mountPath"] != TOKEN_PATH for mount in mounts):
            mounts.append({"name": volume, "readOnly": True, "mountPath": TOKEN_PATH})
            mounted = True
    if not mounted:
        return
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [
                    {
                        "path": "namespace",
                        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                    }
                ]
            }
        },
    ]
    spec.setdefault("volumes", []).append({"name": volume, "projected": {"sources": sources}})


def _tolerations(spec: dict[str, Any]) -> None:
    known = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(
            toleration.get("key") in (key, None) and toleration.get("effect") in ("NoExecute", None)
            for toleration in known
        ):
            known.append(
                {
                    "key": key,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": _EVICTED_AFTER_S,
                }
            )
