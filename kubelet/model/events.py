"""Event objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kubelet.model.decision import PodEvent
from kubelet.model.pod_spec import Object, metadata, name, namespace, text, uid
from kubelet.model.times import rfc3339

LONGEST_MESSAGE = 1024
"""k/k pkg/apis/core/validation/events.go."""
COMPONENT = "kubelet"


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about: `involvedObject`."""

    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: str = ""


def pod_subject(pod: Object) -> Subject:
    """What an event of this pod is about."""
    version = text(metadata(pod).get("resourceVersion"))
    return Subject("Pod", namespace(pod), name(pod), uid(pod), version)


def node_subject(node_name: str) -> Subject:
    """A node. Its UID is its name, as kubelets have it: `kubectl describe node` looks for both."""
    return Subject("Node", "", node_name, node_name)


def event_object(subject: Subject, event: PodEvent, host: str, wall: int) -> dict[str, Any]:
    """A new core/v1 Event."""
    involved = {
        "kind": subject.kind,
        "namespace": subject.namespace,
        "name": subject.name,
        "uid": subject.uid,
        "apiVersion": "v1",
        "resourceVersion": subject.resource_version,
        "fieldPath": event.field_path,
    }
    time = rfc3339(wall)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{subject.name}.{wall * 1000:x}",
            "namespace": subject.namespace or "default",
        },
        "involvedObject": {key: value for key, value in involved.items() if value},
        "reason": event.reason,
        "message": shortened(event.message),
        "type": event.type.value,
        "count": 1,
        "firstTimestamp": time,
        "lastTimestamp": time,
        "source": {"component": COMPONENT, "host": host},
        "reportingComponent": COMPONENT,
        "reportingInstance": host,
    }


def shortened(message: str) -> str:
    """To what the API server takes, in bytes."""
    encoded = message.encode()
    if len(encoded) <= LONGEST_MESSAGE:
        return message
    return encoded[: LONGEST_MESSAGE - 3].decode(errors="ignore") + "..."
