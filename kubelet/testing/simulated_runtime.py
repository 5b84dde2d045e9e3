"""A container runtime on virtual time, for one pod. It goes on when the kubelet does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from kubelet.model.actions import (
    Action,
    Cancel,
    CreateContainer,
    CreateSandbox,
    HookKind,
    InspectImage,
    Probe,
    PullImage,
    RemoveContainer,
    RemoveSandbox,
    RunHook,
    SetUpVolumes,
    StartContainer,
    StopContainer,
    StopSandbox,
)
from kubelet.model.observed import ContainerState, ObservedContainer, ObservedPod, ObservedSandbox
from kubelet.model.outcomes import Done, Failed, ImageFound, Made, Outcome, Probed, ProbeResult, Pulled
from kubelet.model.times import SECOND
from kubelet.testing.virtual_time import VirtualTime
from kubelet.testing.world import FOREVER, Exit, Try, World, turn

Answer = Callable[[Outcome], None]
CALL = SECOND // 10
_SIZE_BYTES = 637_699_456


class SimulatedRuntime:
    """Sandboxes, containers, images. `changed` is called after each change."""

    def __init__(self, world: World, time: VirtualTime, changed: Callable[[], None], address: str) -> None:
        self.world = world
        self.sandboxes: dict[str, ObservedSandbox] = {}
        self.containers: dict[str, ObservedContainer] = {}
        self._time = time
        self._changed = changed
        self._address = address
        self._present = {name for name, image in world.images.items() if image.is_present}
        self._tried: Counter[str] = Counter()
        self._made = 0
        self._waiting_for_end: dict[str, list[Answer]] = {}
        self._cancelled: set[Action] = set()

    def observe(self) -> ObservedPod:
        """As it is now."""
        return ObservedPod(self._time.now, tuple(self.sandboxes.values()), tuple(self.containers.values()))

    def perform(self, action: Action, answer: Answer) -> None:
        """Do it, and answer when it is done."""
        time = self._time
        if isinstance(action, Cancel):
            self._cancelled.add(action.action)
            return
        if isinstance(action, StopContainer):
            self._stop(action, answer)
            return
        how = self._how(action)
        takes = how.takes if how.takes is not None else 0 if isinstance(action, Probe) else CALL

        def end() -> None:
            if action in self._cancelled:
                return
            answer(how.failure if how.failure is not None else self._do(action, takes))

        def look_for_a_cancel() -> None:
            if action in self._cancelled:
                answer(Failed("context canceled"))
                time.at(time.now + takes, lambda: self._cancelled.discard(action))
            elif time.now < begun + takes:
                time.at(time.now + SECOND, look_for_a_cancel)

        begun = time.now
        time.at(begun + takes, end)
        if isinstance(action, PullImage | RunHook):
            time.at(begun + SECOND, look_for_a_cancel)

    def lose_sandboxes(self) -> None:
        """As after a restart of the machine: what ran has ended."""
        for one in list(self.containers.values()):
            self._end(one.id, Exit(0, 255, "Unknown"))
        for sandbox in list(self.sandboxes.values()):
            self.sandboxes[sandbox.id] = replace(sandbox, is_ready=False, ips=())
        self._changed()

    def lose_everything(self) -> None:
        """As when the runtime's state is wiped."""
        self.containers.clear()
        self.sandboxes.clear()
        self._changed()

    def kill(self, name: str, code: int, reason: str = "") -> None:
        """One container ends."""
        for one in list(self.containers.values()):
            if one.name == name and one.is_running:
                self._end(one.id, Exit(0, code, reason))

    # ---- inside

    def _how(self, action: Action) -> Try:
        world = self.world
        tries: tuple[Try, ...] = (Try(),)
        key = type(action).__name__
        match action:
            case SetUpVolumes():
                tries = world.volumes
            case CreateSandbox():
                tries = world.sandbox
            case PullImage(image=image):
                tries, key = world.image(image).pulls, f"pull {image}"
            case CreateContainer(container=name):
                tries, key = world.container(name).create, f"create {name}"
            case StartContainer(container=name):
                tries, key = world.container(name).start, f"start {name}"
            case RunHook(container=name, kind=HookKind.POST_START):
                tries, key = world.container(name).post_start, f"post {name}"
            case RunHook(container=name):
                tries, key = world.container(name).pre_stop, f"pre {name}"
        how: Try = turn(tries, self._tried[key])
        self._tried[key] += 1
        return how

    def _do(self, action: Action, took: int) -> Outcome:
        outcome: Outcome = Done()
        match action:
            case CreateSandbox(attempt=attempt):
                outcome = Made(self._make_sandbox(attempt))
            case StopSandbox(sandbox_id=identity) if identity in self.sandboxes:
                for one in list(self.containers.values()):
                    if one.sandbox_id == identity:
                        self._end(one.id, Exit(0, 137))
                stopped = replace(self.sandboxes[identity], is_ready=False, ips=())
                self.sandboxes[identity] = stopped
            case RemoveSandbox(sandbox_id=identity):
                self.sandboxes.pop(identity, None)
                for one in list(self.containers.values()):
                    if one.sandbox_id == identity:
                        del self.containers[one.id]
            case InspectImage(image=image):
                outcome = ImageFound(f"{image.split(':')[0]}@sha256:00" if image in self._present else "")
            case PullImage(image=image):
                self._present.add(image)
                outcome = Pulled(f"{image.split(':')[0]}@sha256:00", _SIZE_BYTES, took, took)
            case CreateContainer():
                outcome = self._create(action)
            case StartContainer(container_id=identity):
                outcome = self._start(identity)
            case RemoveContainer(container_id=identity):
                self._end(identity, Exit(0, 137))
                self.containers.pop(identity, None)
            case Probe():
                outcome = self._probe(action)
        if not isinstance(action, Probe | InspectImage | PullImage | RunHook | SetUpVolumes):
            self._changed()
        return outcome

    def _make_sandbox(self, attempt: int) -> str:
        identity = f"s{attempt}"
        ready = ObservedSandbox(identity, attempt, True, self._time.wall * 1000, (self._address,))
        self.sandboxes[identity] = ready
        return identity

    def _create(self, action: CreateContainer) -> Outcome:
        sandbox = self.sandboxes.get(action.sandbox_id)
        if sandbox is None or not sandbox.is_ready:
            return Failed(f"pod sandbox {action.sandbox_id} is not ready")
        same = [
            one for one in self.containers.values()
            if (one.name, one.attempt) == (action.container, action.attempt)
        ]  # fmt: skip
        if same:
            return Failed(f"container {action.container} attempt {action.attempt} is there already")
        self._made += 1
        identity = f"{action.container}-{self._made}"
        self.containers[identity] = ObservedContainer(
            identity, action.container, action.attempt, ContainerState.CREATED, action.sandbox_id,
            self._time.wall * 1000, image=action.image, image_ref=action.image_ref,
            spec_hash=action.spec_hash,
        )  # fmt: skip
        return Made(identity)

    def _start(self, identity: str) -> Outcome:
        one = self.containers.get(identity)
        if one is None or one.state is not ContainerState.CREATED:
            return Failed(f"container {identity} is not there to be started")
        wall = self._time.wall * 1000
        self.containers[identity] = replace(one, state=ContainerState.RUNNING, started_ns=wall)
        run: Exit = turn(self.world.container(one.name).runs, self._tried[f"run {one.name}"])
        self._tried[f"run {one.name}"] += 1
        if run.after < FOREVER:
            self._time.at(self._time.now + run.after, lambda: self._end(identity, run))
        return Done()

    def _stop(self, action: StopContainer, answer: Answer) -> None:
        one = self.containers.get(action.container_id)
        if one is None or (one.is_ended and one.state is not ContainerState.UNKNOWN):
            self._time.at(self._time.now + CALL, lambda: answer(Done()))
            return
        self._waiting_for_end.setdefault(one.id, []).append(answer)
        ends = self.world.container(one.name).ends
        grace = action.grace_s * SECOND
        how = ends if ends.after <= grace else Exit(grace, 137)
        self._time.at(self._time.now + how.after, lambda: self._end(action.container_id, how))

    def _end(self, identity: str, how: Exit) -> None:
        one = self.containers.get(identity)
        if one is None or not one.is_running:
            return
        self.containers[identity] = replace(
            one, state=ContainerState.EXITED, finished_ns=self._time.wall * 1000, exit_code=how.code,
            reason=how.reason or ("Error" if how.code else "Completed"),
        )  # fmt: skip
        self._changed()
        for answer in self._waiting_for_end.pop(identity, []):
            answer(Done())

    def _probe(self, action: Probe) -> Outcome:
        one = self.containers.get(action.container_id)
        if one is None or not one.is_running:
            return Probed(ProbeResult.FAILURE, "connection refused")
        age = self._time.wall - one.started_ns // 1000
        return self.world.container(one.name).probe(action.kind, age)
