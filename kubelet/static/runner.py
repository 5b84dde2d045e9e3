"""The shell: folder and runtime are looked at, what was decided is done, each pod apart from the others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Sequence

import grpc

from bronzewillow.host.tasks import spawn
from kubelet.static.backoff import NS_PER_S, Failures
from kubelet.static.cri import Cri
from kubelet.static.decide import (
    Action,
    Decision,
    EndPod,
    RemoveContainer,
    RunPod,
    StartContainer,
    container_key,
    decide,
)
from kubelet.static.folder import Folder, Wanted
from kubelet.static.observed import ObservedPod, State

LOOK_EVERY_S = 1.0
"""At the folder's names and times. deviation: a kubelet reads it every 20 s, or is told by the kernel."""
_OBSERVE_EVERY_S = 20.0
_AGAIN_S = 0.25
_PASSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
_LONGEST_REPORTED = 500
_log = logging.getLogger(__name__)


class Runner:
    """Makes what runs what the folder says, for as long as `run` runs. Pods go on after it."""

    def __init__(self, folder: Folder, cri: Cri) -> None:
        self._folder, self._cri = folder, cri
        self._wanted = Wanted()
        self._fingerprint: object = None
        self._mistakes: frozenset[str] = frozenset()
        """Lines about the folder that have been told, and still hold."""
        self._told: set[str] = set()
        self._failures = Failures()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._woken = asyncio.Event()
        self._is_lost = False

    def reread(self) -> None:
        """The folder, also when it looks as it did; whoever asks for that is told of all mistakes again."""
        self._fingerprint = None
        self._mistakes = frozenset()
        self._woken.set()

    def read_folder(self) -> None:
        """If something has changed. A folder that cannot be read wants what it wanted before."""
        try:
            fingerprint = self._folder.fingerprint()
            if fingerprint == self._fingerprint:
                return
            wanted = self._folder.read()
        except OSError as error:
            if self._fingerprint != error.errno:
                self._fingerprint = error.errno
                _log.error(
                    "%s: cannot be read, everything stays as it is: %s", self._folder.path, error.strerror
                )
            return
        self._fingerprint = fingerprint
        for level, lines in ((logging.ERROR, wanted.problems), (logging.WARNING, wanted.notes)):
            for line in lines:
                if line not in self._mistakes:
                    _log.log(level, "%s", line)
        self._mistakes = frozenset((*wanted.problems, *wanted.notes))
        if wanted.pods != self._wanted.pods or wanted.unreadable != self._wanted.unreadable:
            _log.info("%s: pods: %d", self._folder.path, len(wanted.pods))
        self._wanted = wanted
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        listening = spawn(self._listen(), name="events of containers")
        again_s = 0.0
        try:
            while True:
                self.read_folder()
                if self._woken.is_set() or time.monotonic() >= again_s:
                    self._woken.clear()
                    again_s = time.monotonic() + await self._observe_and_act()
                limit_s = min(LOOK_EVERY_S, max(again_s - time.monotonic(), 0))
                # not wait_for: until Python 3.12 it loses a cancellation that comes together with the event
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(limit_s):
                        await self._woken.wait()
        finally:
            for task in (listening, *self._busy.values()):
                task.cancel()

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError):
                async for _ in self._cri.events():
                    self._woken.set()
            await asyncio.sleep(_AGAIN_S)
            self._woken.set()

    async def _observe_and_act(self) -> float:
        """Seconds after which it is to be done again though nothing happens."""
        busy = set(self._busy)  # of these the observation may be out of date when it is here
        try:
            observed = await self._cri.observe()
        except grpc.aio.AioRpcError as error:
            if not self._is_lost:
                self._is_lost = True
                _log.warning("the runtime does not answer, pods go on: %s", _reason(error))
            return _AGAIN_S
        if self._is_lost:
            self._is_lost = False
            _log.info("the runtime answers again")
        return self._act(observed, busy, time.time_ns())

    def _act(self, observed: Sequence[ObservedPod], busy: set[str], now_ns: int) -> float:
        wanted = {pod.full_name: pod for pod in self._wanted.pods}
        found: dict[str, list[ObservedPod]] = defaultdict(list)
        for one in observed:
            found[one.full_name].append(one)
        self._forget(observed)
        next_ns = now_ns + int(_OBSERVE_EVERY_S * NS_PER_S)
        for name in sorted({*wanted, *found} - busy - set(self._busy)):
            decision = decide(
                wanted.get(name), self._is_left_alone, found[name], self._failures.again_ns, now_ns
            )
            self._tell(found[name], decision)
            if decision.actions:
                self._busy[name] = spawn(self._work(name, decision.actions), name=f"pod {name}")
            elif decision.next_ns is not None:
                next_ns = min(next_ns, decision.next_ns)
        return (next_ns - now_ns) / NS_PER_S

    def _is_left_alone(self, pod: ObservedPod) -> bool:
        return pod.file in self._wanted.unreadable

    async def _work(self, name: str, actions: Sequence[Action]) -> None:
        try:
            await asyncio.gather(*(self._do(name, action) for action in actions))
        finally:
            self._busy.pop(name, None)
            self._woken.set()

    async def _do(self, name: str, action: Action) -> None:
        key, what = _describe(action)
        try:
            await self._call(name, action)
            self._failures.clear(key)
        except grpc.aio.AioRpcError as error:
            wait_s = self._failures.note(key, error.code() in _PASSING, time.time_ns())
            _log.error("pod %s: %s: %s; again in %g s", name, what, _reason(error), wait_s)
            if isinstance(action, EndPod | RemoveContainer):
                await asyncio.sleep(wait_s)  # nothing else can be done for this pod
        except OSError as error:
            wait_s = self._failures.note(key, False, time.time_ns())
            _log.error("pod %s: %s: %s: %s", name, what, error.filename, error.strerror)

    async def _call(self, name: str, action: Action) -> None:
        match action:
            case EndPod(pod):
                _log.info("pod %s ends, within %d s", name, pod.grace_s)
                await self._cri.end(pod)
                _log.info("pod %s has ended", name)
            case RunPod(pod, attempt):
                await self._cri.run_pod(pod, attempt)
                _log.info("pod %s is made", name)
            case StartContainer():
                pulled_s = await self._cri.start(action)
                pulled = f", its image took {pulled_s:.1f} s" if pulled_s else ""
                _log.info("pod %s: container %s is started%s", name, action.container.name, pulled)
            case RemoveContainer(container):
                await self._cri.remove_container(container)

    def _tell(self, pods: Sequence[ObservedPod], decision: Decision) -> None:
        """How containers ended, each once."""
        waits = {one.container.id: one.wait_ns for one in decision.waiting}
        for pod in pods:
            for one in pod.containers:
                if one.state is not State.EXITED or one.id in self._told:
                    continue
                self._told.add(one.id)
                if one.id not in waits:
                    continue
                said = f": {one.message.rstrip().removesuffix('.')}" if one.message else ""
                after = f" in {waits[one.id] // NS_PER_S} s" if waits[one.id] else ""
                _log.warning(
                    "pod %s: container %s ended with %d (%s)%s; it is started again%s",
                    pod.full_name, one.name, one.exit_code, one.reason, said[:_LONGEST_REPORTED], after,
                )  # fmt: skip

    def _forget(self, observed: Sequence[ObservedPod]) -> None:
        self._told &= {one.id for pod in observed for one in pod.containers}
        keys = {container_key(pod, one) for pod in self._wanted.pods for one in pod.containers}
        keys |= {pod.uid for pod in self._wanted.pods} | {pod.sandbox_id for pod in observed}
        self._failures.keep(keys)


def _describe(action: Action) -> tuple[str, str]:
    """The key of its failures, and what failed."""
    match action:
        case EndPod(pod):
            return pod.sandbox_id, "cannot be ended"
        case RunPod():
            return action.key, "cannot be made"
        case StartContainer():
            return action.key, f"container {action.container.name} cannot be started"
        case RemoveContainer(container):
            return container.id, f"container {container.name} cannot be removed"


def _reason(error: grpc.aio.AioRpcError) -> str:
    words = " ".join((error.details() or error.code().name).split())
    return words[:_LONGEST_REPORTED]
