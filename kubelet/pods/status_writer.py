"""What the API server is told of pods: the newest status of each, once, and again when others have changed
it.

kubernetes/kubernetes, pkg/kubelet/status/status_manager.go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bronzewillow.kube.client import PatchType
from bronzewillow.kube.errors import Conflict, KubeError, NotFound
from bronzewillow.kube.resources import PODS, Resource
from kubelet.model.pod_spec import Object, mapping, metadata, name, namespace, status, text, uid
from kubelet.pods.status_patch import is_written, status_patch

RESYNC_S = 10.0
_AT_ONCE = 8
_log = logging.getLogger(__name__)


class Patcher(Protocol):
    """The part of `KubeClient` that is needed."""

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: object,
        namespace: str = "",
        *,
        subresource: str = "",
        type: PatchType = PatchType.STRATEGIC,
    ) -> dict[str, Any]:
        """As it is then. KubeError."""


Target = Callable[[str], Object | None]
"""The API object by a pod's UID, as it was seen last; a static pod's is its mirror. None: there is none."""


@dataclass(slots=True)
class _Entry:
    status: Object
    written: Object | None = None
    """What the API server answered to the last write."""
    written_to: str = ""
    """The UID of the object that has it."""
    version: int = 0
    """The resourceVersion of that answer; 0 where it says none."""
    checked: Object | None = None
    """An object that has it all; another one is looked at again."""

    @property
    def is_due(self) -> bool:
        return self.written is None or not is_written(self.written, self.status)


class StatusWriter:
    """Writes the statuses of one node's pods."""

    def __init__(self, patcher: Patcher, target: Target) -> None:
        self._patcher, self._target = patcher, target
        self._entries: dict[str, _Entry] = {}
        self._wake = asyncio.Event()
        self._turns: dict[str, asyncio.Lock] = {}
        self._few = asyncio.Semaphore(_AT_ONCE)

    def put(self, pod_uid: str, wanted: Object) -> None:
        """The status to be had; it is written when it says something new."""
        entry = self._entries.get(pod_uid)
        if entry is None:
            self._entries[pod_uid] = _Entry(wanted)
        elif entry.status == wanted:
            return
        else:
            entry.status, entry.checked = wanted, None
        self._wake.set()

    def forget(self, pod_uid: str) -> None:
        """The pod has gone."""
        self._entries.pop(pod_uid, None)
        self._turns.pop(pod_uid, None)

    async def flush(self, pod_uid: str) -> None:
        """Return when its newest status is written, or there is nobody to tell. KubeError."""
        await self._write(pod_uid, is_check=False)

    async def run(self) -> None:
        """Until cancelled. What fails is tried again with the next resync."""
        await self._write_all(is_check=True)
        while True:
            try:
                async with asyncio.timeout(RESYNC_S):
                    await self._wake.wait()
                is_check = False
            except TimeoutError:
                is_check = True
            self._wake.clear()
            await self._write_all(is_check=is_check)

    async def _write_all(self, *, is_check: bool) -> None:
        due = [
            one
            for one, entry in self._entries.items()
            if (self._target(one) is not entry.checked if is_check else entry.is_due)
        ]
        await asyncio.gather(*(self._try(one, is_check=is_check) for one in due))

    async def _try(self, pod_uid: str, *, is_check: bool) -> None:
        try:
            await self._write(pod_uid, is_check=is_check)
        except KubeError as error:
            _log.info("the status of pod %s is not written yet: %s", pod_uid, error)

    async def _write(self, pod_uid: str, *, is_check: bool) -> None:
        """`is_check`: also where others have changed what we wrote, as far as the watch is not behind us."""
        async with self._turns.setdefault(pod_uid, asyncio.Lock()), self._few:
            entry, found = self._entries.get(pod_uid), self._target(pod_uid)
            if entry is None or found is None:
                return
            if entry.written_to != uid(found):
                entry.written, entry.written_to, entry.version = status(found), uid(found), 0
            elif is_check and not is_written(status(found), entry.status):
                if _version(found) < entry.version:
                    return
                entry.written = status(found)
            wanted = entry.status
            if entry.written is not None and is_written(entry.written, wanted):
                if is_check:
                    entry.checked = found
                return
            patch = status_patch(uid(found), {**mapping(entry.written), **status(found)}, wanted)
            try:
                answer = await self._patcher.patch(
                    PODS, name(found), patch, namespace(found), subresource="status"
                )
            except (NotFound, Conflict):  # it went, or another one has its name: the watch will tell
                entry.written = wanted
                return
            entry.written, entry.version = {**status(answer), **wanted}, _version(answer)


def _version(found: Object) -> int:
    """Comparable from Kubernetes 1.35 on, and in fact ever since it is etcd's."""
    told = text(metadata(found).get("resourceVersion"))
    return int(told) if told.isascii() and told.isdecimal() else 0
