"""All pods of the node: who wants them, who has them, and a worker for each UID.

Nothing that the runtime has is taken for an orphan before every source has spoken: an agent that acts on an
empty or failed first list removes pods that live.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bronzewillow.kube.cache import Cache, Change, ChangeType
from kubelet.model.decision import Refusal
from kubelet.model.pod_spec import (
    Object,
    is_mirror,
    is_static,
    is_terminal,
    metadata,
    name,
    namespace,
    orphan_pod,
    status,
    text,
    uid,
)
from kubelet.pods.worker import PodWorker, Surroundings
from kubelet.provider.labels import PodKey

Admit = Callable[[Object, list[Object]], Refusal | None]
"""A pod, and those that have been taken and go on."""
_log = logging.getLogger(__name__)


class PodSet(Mapping[str, PodWorker]):
    """Workers by UID. Called on the loop."""

    def __init__(self, surroundings: Surroundings, admit: Admit) -> None:
        self._around, self._admit = surroundings, admit
        self._workers: dict[str, PodWorker] = {}
        self._refused: set[str] = set()
        self._static: dict[str, Object] = {}
        self._runtime: set[PodKey] = set()
        self._has_spoken = {"api": False, "static": False, "runtime": False}
        self.api = Cache()
        """As the API server has them; replaced by the reflector's."""

    def __getitem__(self, key: str) -> PodWorker:
        return self._workers[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._workers)

    def __len__(self) -> int:
        return len(self._workers)

    @property
    def is_complete(self) -> bool:
        """Whether every source has spoken."""
        return all(self._has_spoken.values())

    def named(self, pod_namespace: str, pod_name: str) -> PodWorker | None:
        """The worker of the pod of that name; of two, the one that is still wanted."""
        found = [
            one
            for one in self._workers.values()
            if name(one.pod) == pod_name and namespace(one.pod) == pod_namespace
        ]
        return max(found, key=lambda one: text(metadata(one.pod).get("creationTimestamp")), default=None)

    def target(self, pod_uid: str) -> Object | None:
        """The API object whose status is that pod's: its own, or a static pod's mirror."""
        static = self._static.get(pod_uid)
        if static is None:
            return self.api.get(pod_uid)
        found = self.api.named(name(static), namespace(static))
        return found if found is not None and is_mirror(found) else None

    def mirrors(self) -> list[tuple[Object | None, Object | None]]:
        """Each static pod with its mirror, and mirrors of pods that are no more."""
        pairs: list[tuple[Object | None, Object | None]] = [
            (pod, self.target(pod_uid)) for pod_uid, pod in self._static.items()
        ]
        held = {uid(mirror) for _, mirror in pairs if mirror is not None}
        pairs += [(None, pod) for pod in self.api.values() if is_mirror(pod) and uid(pod) not in held]
        return pairs

    # ---- the sources

    def on_api(self, changes: list[Change]) -> None:
        """The sink of the reflector; its first call is the first whole list."""
        self._has_spoken["api"] = True
        gone = [change.object for change in changes if change.type is ChangeType.DELETED]
        for pod in gone:
            if (worker := self._workers.get(uid(pod))) is not None and not is_mirror(pod):
                worker.forget()
        self._take(change.object for change in changes if change.type is not ChangeType.DELETED)
        self._adopt()

    def on_static(self, pods: Iterable[Mapping[str, Any]]) -> None:
        """All static pods that there are."""
        self._has_spoken["static"] = True
        found = {uid(pod): pod for pod in pods}
        for gone in [pod_uid for pod_uid in self._static if pod_uid not in found]:
            del self._static[gone]
            if gone in self._workers:
                self._workers[gone].forget()
        self._static |= found
        self._take(found.values())
        self._adopt()

    def on_runtime(self, key: PodKey) -> None:
        """What the runtime has of a pod may have changed, come or gone."""
        worker = self._workers.get(key.uid)
        if worker is not None:
            worker.look()
        elif self.is_complete:
            self._adopt_one(key)

    def on_runtime_list(self, keys: Iterable[PodKey]) -> None:
        """All that the runtime has something of."""
        self._has_spoken["runtime"] = True
        self._runtime = set(keys)
        self._adopt()

    def on_finished(self, pod_uid: str) -> None:
        """Nothing is left of it."""
        self._workers.pop(pod_uid, None)
        self._refused.discard(pod_uid)

    def leave(self) -> None:
        """The kubelet ends; pods go on."""
        for worker in self._workers.values():
            worker.leave()

    # ---- inside

    def _take(self, pods: Iterable[Object]) -> None:
        for pod in sorted(pods, key=lambda one: text(metadata(one).get("creationTimestamp"))):
            if is_mirror(pod):
                continue
            worker = self._workers.get(uid(pod))
            if worker is not None:
                worker.desire(pod)
            else:
                self._begin(pod)

    def _begin(self, pod: Object) -> None:
        worker = self._workers[uid(pod)] = PodWorker(pod, self._around)
        if not _was_taken(pod):
            others = [
                one.pod
                for one in self._workers.values()
                if one is not worker and one.uid not in self._refused and not _has_ended(one)
            ]
            refusal = self._admit(pod, others)
            if refusal is not None:
                self._refused.add(uid(pod))
                _log.info(
                    "pod %s/%s is refused: %s: %s", namespace(pod), name(pod), refusal.reason, refusal.message
                )
                worker.refuse(refusal)
        worker.start()

    def _adopt(self) -> None:
        if self.is_complete:
            for key in self._runtime:
                self._adopt_one(key)
            self._runtime.clear()

    def _adopt_one(self, key: PodKey) -> None:
        """It runs, and nobody wants it: it was deleted while we were away."""
        if key.uid not in self._workers:
            _log.info("pod %s/%s (%s) is wanted by nobody and ends", key.namespace, key.name, key.uid)
            worker = self._workers[key.uid] = PodWorker(
                orphan_pod(key.uid, key.name, key.namespace), self._around
            )
            worker.forget()
            worker.start()


def _was_taken(pod: Object) -> bool:
    """By a kubelet before us, or it has ended: there is nothing to admit."""
    told = status(pod)
    return bool(told.get("startTime")) or is_terminal(told.get("phase"))


def _has_ended(worker: PodWorker) -> bool:
    told = worker.status or status(worker.pod)
    return is_terminal(told.get("phase")) and not is_static(worker.pod)
