"""Pods as the kubelet's own API shows them: the object, with the status that was decided on last."""

from __future__ import annotations

from kubelet.model.pod_spec import Object, spec
from kubelet.pods.pod_set import PodSet
from kubelet.pods.worker import PodWorker


class ShownPods:
    """The pods of one node, as its API shows them."""

    def __init__(self, pods: PodSet) -> None:
        self._pods = pods

    def all(self) -> list[Object]:
        """Those that somebody wants."""
        return [shown(one) for one in self._pods.values() if not _is_orphan(one)]

    def get(self, namespace: str, name: str) -> Object | None:
        """The one of that name."""
        found = self._pods.named(namespace, name)
        return shown(found) if found is not None and not _is_orphan(found) else None


def shown(worker: PodWorker) -> Object:
    """A worker's pod, with the newest status of it."""
    return {**worker.pod, "status": worker.status} if worker.status else worker.pod


def _is_orphan(worker: PodWorker) -> bool:
    """Known by the runtime alone: its object says nothing."""
    return not spec(worker.pod).get("containers")
