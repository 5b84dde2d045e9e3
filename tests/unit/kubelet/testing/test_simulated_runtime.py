"""The simulated runtime keeps the rules of CRI."""

from __future__ import annotations

from kubelet.model.actions import (
    Action,
    Cancel,
    CreateContainer,
    CreateSandbox,
    PullImage,
    StartContainer,
    StopContainer,
    StopSandbox,
)
from kubelet.model.observed import ContainerState
from kubelet.model.outcomes import Done, Failed, Made, Outcome
from kubelet.model.times import SECOND
from kubelet.testing.simulated_runtime import SimulatedRuntime
from kubelet.testing.virtual_time import VirtualTime
from kubelet.testing.world import FOREVER, ContainerWorld, Exit, ImageWorld, Try, World

CREATE = CreateContainer("a", 0, "s0", "m:1", "m@1", "h")


class Node:
    """A runtime, and the answers it gave."""

    def __init__(self, world: World) -> None:
        self.time = VirtualTime()
        self.answers: list[tuple[int, Outcome]] = []
        self.runtime = SimulatedRuntime(world, self.time, lambda: None, "10.0.0.9")

    def do(self, action: Action, wait: int = SECOND) -> Outcome:
        self.runtime.perform(action, lambda outcome: self.answers.append((self.time.now, outcome)))
        self.time.run(self.time.now + wait)
        return self.answers[-1][1]

    def start(self) -> None:
        self.do(CreateSandbox(0))
        self.do(CREATE)
        self.do(StartContainer("a", "a-1"))


def test_from_a_sandbox_to_an_exit() -> None:
    node = Node(World({"a": ContainerWorld((Exit(5 * SECOND, 3),))}))
    assert isinstance(node.do(CREATE), Failed)
    assert node.do(CreateSandbox(0)) == Made("s0")
    assert node.do(CREATE) == Made("a-1")
    assert isinstance(node.do(CREATE), Failed)  # metadata is unique
    assert node.do(StartContainer("a", "a-1")) == Done()
    assert isinstance(node.do(StartContainer("a", "a-1")), Failed)
    node.time.run(node.time.now + 5 * SECOND)
    (one,) = node.runtime.observe().containers
    assert (one.state, one.exit_code) == (ContainerState.EXITED, 3)


def test_sigterm_then_sigkill_and_a_shorter_grace() -> None:
    node = Node(World({"a": ContainerWorld(ends=Exit(FOREVER))}))
    node.start()
    began = node.time.now
    node.do(StopContainer("a", "a-1", 30))
    node.do(StopContainer("a", "a-1", 4), wait=10 * SECOND)
    assert [at - began for at, _ in node.answers[-2:]] == [5 * SECOND, 5 * SECOND]
    assert node.runtime.observe().containers[0].exit_code == 137


def test_stopping_a_sandbox_ends_what_runs() -> None:
    node = Node(World())
    node.start()
    node.do(StopSandbox("s0"))
    seen = node.runtime.observe()
    assert (seen.sandboxes[0].is_ready, seen.containers[0].is_ended) == (False, True)


def test_a_cancelled_pull_fails_soon_and_once() -> None:
    node = Node(World(images={"m:1": ImageWorld(pulls=(Try(100 * SECOND),))}))
    pull = PullImage("a", "m:1")
    node.runtime.perform(pull, lambda outcome: node.answers.append((node.time.now, outcome)))
    node.time.run(3 * SECOND)
    node.runtime.perform(Cancel(pull), lambda _: None)
    node.time.run(300 * SECOND)
    assert node.answers == [(4 * SECOND, Failed("context canceled"))]
