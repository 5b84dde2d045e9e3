"""The API server's images of static pods: made, made anew when changed or deleted, removed with the file.

Source: kubernetes/kubernetes, pkg/kubelet/pod/mirror_client.go.
"""

from __future__ import annotations

from typing import Any, Protocol

from bronzewillow.kube.errors import AlreadyExists, Conflict, NotFound
from bronzewillow.kube.resources import PODS, Resource
from kubelet.model.pod_spec import Object, name, namespace, uid
from kubelet.model.static_pods import MirrorStep, mirror_pod, mirror_step


class Api(Protocol):
    """The part of `KubeClient` that is needed."""

    async def create(self, resource: Resource, obj: dict[str, Any]) -> dict[str, Any]:
        """Create an object. KubeError."""

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        grace_period_s: int | None = None,
        uid: str = "",
    ) -> dict[str, Any]:
        """Delete an object. KubeError."""


async def keep_mirror(api: Api, pod: Object | None, mirror: Object | None, node_uid: str) -> None:
    """One step towards a mirror that is like the pod, or none where there is no pod. KubeError."""
    step = mirror_step(pod, mirror)
    if step is MirrorStep.CREATE and pod is not None:
        try:
            await api.create(PODS, mirror_pod(pod, node_uid))
        except AlreadyExists:
            return  # the watch will show it
    elif step is MirrorStep.DELETE and mirror is not None:
        try:
            await api.delete(PODS, name(mirror), namespace(mirror), grace_period_s=0, uid=uid(mirror))
        except (NotFound, Conflict):
            return
