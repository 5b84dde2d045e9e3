"""What a kubelet writes on sandboxes and containers, to know them again after a restart.

Source: kubernetes/kubernetes, pkg/kubelet/kuberuntime/labels.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
POD_UID = "io.kubernetes.pod.uid"
CONTAINER_NAME = "io.kubernetes.container.name"
"""Labels."""
HASH = "io.kubernetes.container.hash"
RESTART_COUNT = "io.kubernetes.container.restartCount"
MESSAGE_PATH = "io.kubernetes.container.terminationMessagePath"
MESSAGE_POLICY = "io.kubernetes.container.terminationMessagePolicy"
PORTS = "io.kubernetes.container.ports"
POD_GRACE = "io.kubernetes.pod.terminationGracePeriod"
"""Annotations."""


@dataclass(frozen=True, slots=True)
class PodKey:
    """Whose a sandbox or a container is."""

    uid: str
    name: str
    namespace: str


def pod_key(labels: Mapping[str, str]) -> PodKey | None:
    """None for what no kubelet has made."""
    uid = labels.get(POD_UID, "")
    return PodKey(uid, labels.get(POD_NAME, ""), labels.get(POD_NAMESPACE, "")) if uid else None
