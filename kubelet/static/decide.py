"""What is to be done for one pod, from what its manifest says and what is observed. Pure.

The way of a kubelet (k/k pkg/kubelet/kuberuntime/kuberuntime_manager.go): a sandbox that is not wanted, or
not ready, ends before another is made; then each container is brought to what restartPolicy says.
`now_ns` is nanoseconds since 1970, as a container's times are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kubelet.static.backoff import next_step, restart_wait_ns
from kubelet.static.manifest import Container, Pod
from kubelet.static.observed import ObservedContainer, ObservedPod, State


@dataclass(frozen=True, slots=True)
class EndPod:
    """Its containers within its grace, its address, its records and logs."""

    pod: ObservedPod


@dataclass(frozen=True, slots=True)
class RunPod:
    """Make the pod's sandbox."""

    pod: Pod
    attempt: int

    @property
    def key(self) -> str:
        """For back-off, when it fails."""
        return self.pod.uid


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Pull its image if it must be, create it, start it."""

    pod: Pod
    sandbox: ObservedPod
    container: Container
    attempt: int
    step: int
    created_id: str = ""
    """One that was created already, by whoever was here before."""

    @property
    def key(self) -> str:
        """For back-off, when it fails."""
        return container_key(self.pod, self.container)


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """One that ended long ago, and its log."""

    container: ObservedContainer


Action = EndPod | RunPod | StartContainer | RemoveContainer


@dataclass(frozen=True, slots=True)
class Waiting:
    """A container that will be started again, later."""

    container: ObservedContainer
    wait_ns: int
    """After its end."""


@dataclass(frozen=True, slots=True)
class Decision:
    """For one pod; its actions may run side by side."""

    actions: tuple[Action, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    next_ns: int | None = None
    """When to decide again though nothing has happened."""


def container_key(pod: Pod, container: Container) -> str:
    """One for each container of each manifest."""
    return f"{pod.uid}/{container.name}"


def decide(
    pod: Pod | None,
    is_left_alone: Callable[[ObservedPod], bool],
    observed: Sequence[ObservedPod],
    again_ns: Callable[[str], int],
    now_ns: int,
) -> Decision:
    """For all sandboxes of one full name.

    `pod`: what the folder wants, None for nothing. `is_left_alone`: whether nobody knows what the manifest of
    a sandbox says now. `again_ns`: when what failed under a key is to be tried again.
    """
    if pod is None:
        return Decision(tuple(EndPod(one) for one in observed if not is_left_alone(one)))
    mine = [one for one in observed if one.uid == pod.uid]
    current = max(mine, key=lambda one: one.attempt, default=None)
    if current is not None and not current.is_ready and _is_finished(pod, current):
        return Decision(tuple(EndPod(one) for one in observed if one is not current))
    ending = tuple(EndPod(one) for one in observed if one is not current or not one.is_ready)
    if ending:
        return Decision(ending)
    if current is None:
        again = again_ns(pod.uid)
        if again > now_ns:
            return Decision(next_ns=again)
        return Decision((RunPod(pod, max((one.attempt + 1 for one in mine), default=0)),))
    return _decide_containers(pod, current, again_ns, now_ns)


def _decide_containers(
    pod: Pod, sandbox: ObservedPod, again_ns: Callable[[str], int], now_ns: int
) -> Decision:
    actions: list[Action] = []
    waiting: list[Waiting] = []
    times: list[int] = []
    for container in pod.containers:
        attempts = sorted(
            (one for one in sandbox.containers if one.name == container.name), key=lambda one: one.attempt
        )
        last = attempts[-1] if attempts else None
        # the one before the last tells why there was another
        actions += [RemoveContainer(one) for one in attempts[:-2] if one.state is State.EXITED]
        if last is not None and last.state is State.RUNNING:
            continue
        again = again_ns(container_key(pod, container))
        if last is None:
            start = StartContainer(pod, sandbox, container, 0, 0)
        elif last.state is State.CREATED:
            start = StartContainer(pod, sandbox, container, last.attempt, last.step, last.id)
        elif not _is_restarted(pod, last):
            continue
        else:
            step = next_step(last.step, last.finished_ns - last.started_ns)
            wait_ns = restart_wait_ns(step)
            waiting.append(Waiting(last, wait_ns))
            # of a clock that was set back we would wait for ever
            again = max(again, min(last.finished_ns, now_ns) + wait_ns)
            start = StartContainer(pod, sandbox, container, last.attempt + 1, step)
        if again > now_ns:
            times.append(again)
        else:
            actions.append(start)
    return Decision(tuple(actions), tuple(waiting), min(times, default=None))


def _is_restarted(pod: Pod, ended: ObservedContainer) -> bool:
    return pod.restart_policy == "Always" or (pod.restart_policy == "OnFailure" and ended.exit_code != 0)


def _is_finished(pod: Pod, sandbox: ObservedPod) -> bool:
    """All of its containers have ended, and none is to be started again."""
    for container in pod.containers:
        attempts = [one for one in sandbox.containers if one.name == container.name]
        if not attempts:
            return False
        last = max(attempts, key=lambda one: one.attempt)
        if last.state is not State.EXITED or _is_restarted(pod, last):
            return False
    return True
