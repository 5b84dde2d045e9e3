"""Random pods and random events on virtual time, watched by the invariants. One seed, one day."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

from kubelet.model.actions import ProbeKind
from kubelet.model.decision import Ending
from kubelet.model.outcomes import Failed, Probed, ProbeResult
from kubelet.model.times import SECOND
from kubelet.testing.invariants import Watcher
from kubelet.testing.simulated_pod import SimulatedPod
from kubelet.testing.virtual_time import VirtualTime
from kubelet.testing.world import FOREVER, ContainerWorld, Exit, ImageWorld, Try, World

_TICK = SECOND


class RandomDay:
    """A node of up to `most` pods at a time. `tally` counts what has happened."""

    def __init__(self, seed: int, most: int = 8) -> None:
        self._rng = random.Random(seed)
        self._most = most
        self._time = VirtualTime()
        self._pods: dict[SimulatedPod, Watcher] = {}
        self._made = 0
        self._is_agent_up = self._is_api_up = True
        self.tally: Counter[str] = Counter()
        self.history: list[str] = []
        """What was written, in order: equal for equal seeds."""

    def run(self, duration: int) -> None:
        """Broken, when an invariant does not hold. At the end all pods are deleted, and must go."""
        end = self._time.now + duration
        while self._time.now < end:
            self._happen()
            self._step(self._rng.randint(1, 60) * SECOND)
        self._set_agent(True)
        self._set_api(True)
        for pod in list(self._pods):
            self._delete(pod, 10)
        self._step(600 * SECOND)
        if self._pods:
            raise AssertionError(f"{len(self._pods)} pods have not gone")

    # ---- inside

    def _step(self, duration: int) -> None:
        until = self._time.now + duration
        while self._time.now < until:
            self._time.run(min(until, self._time.now + _TICK))
            for pod, watcher in list(self._pods.items()):
                watcher.runtime(pod.runtime.observe())
                if self._is_agent_up and self._is_api_up:
                    watcher.check_end(pod.is_finished, self._time.now)
                if pod.is_finished:
                    self._leave(pod)

    def _leave(self, pod: SimulatedPod) -> None:
        left = pod.runtime.observe()
        if left.containers or left.sandboxes or pod.api is not None:
            raise AssertionError("a pod was finished before it was gone")
        del self._pods[pod]
        self.tally["gone"] += 1

    def _happen(self) -> None:
        rng = self._rng
        pods = list(self._pods)
        if len(pods) < self._most and self._is_agent_up and self._is_api_up:
            self._make()
        kind = rng.choices(
            ["delete", "force", "evict", "kill", "sandbox", "wipe", "agent", "api", "clock", "nothing"],
            [8, 2, 2, 6, 2, 1, 4, 3, 2, 20],
        )[0]
        self.tally[kind] += 1
        pod = rng.choice(pods) if pods else None
        if kind == "agent":
            self._set_agent(not self._is_agent_up)
        elif kind == "api":
            self._set_api(not self._is_api_up)
        elif kind == "clock":
            self._time.wall_offset += rng.randint(-3600, 3600) * SECOND
        elif pod is not None:
            self._strike(pod, kind)

    def _strike(self, pod: SimulatedPod, kind: str) -> None:
        rng = self._rng
        if kind in ("delete", "force") and self._is_api_up:
            self._delete(pod, 0 if kind == "force" else rng.choice([1, 5, 30, 120]))
        elif kind == "evict":
            pod.end(Ending("Evicted", "The node was low on resource: memory. ", rng.choice([None, 0, 10])))
        elif kind == "kill":
            pod.runtime.kill(rng.choice(["a", "b", "side", "init"]), rng.choice([0, 1, 137]))
        elif kind == "sandbox":
            pod.runtime.lose_sandboxes()
        elif kind == "wipe":
            pod.runtime.lose_everything()

    def _delete(self, pod: SimulatedPod, grace_s: int) -> None:
        self._pods[pod].deletion(grace_s, self._time.now)
        pod.delete(grace_s)

    def _set_agent(self, is_up: bool) -> None:
        self._is_agent_up = is_up
        for pod, watcher in self._pods.items():
            if is_up and not pod.is_agent_up:
                watcher.excuse(self._time.now)
                pod.start_agent()
            elif not is_up:
                pod.kill_agent()

    def _set_api(self, is_up: bool) -> None:
        self._is_api_up = is_up
        for pod, watcher in self._pods.items():
            watcher.excuse(self._time.now)
            pod.part_from_api(is_up)

    def _make(self) -> None:
        self._made += 1
        name = f"p{self._made}"
        watcher = Watcher(name)

        def see(pod: SimulatedPod, status: Mapping[str, Any]) -> None:
            watcher.status(status)
            self.history.append(f"{self._time.now} {name} {status}")

        address = f"10.244.7.{2 + self._made % 250}"
        pod = SimulatedPod(
            self._pod(name), self._world(), self._time, see, lambda *_: None, address,
            lag=lambda: self._rng.choice([0, 0, SECOND // 100, SECOND]),
        )  # fmt: skip
        self._pods[pod] = watcher
        self.tally["made"] += 1
        pod.start_agent()

    def _pod(self, name: str) -> dict[str, Any]:
        rng = self._rng
        probe = {"periodSeconds": rng.choice([1, 5, 10]), "failureThreshold": rng.choice([1, 3])}
        kinds = rng.sample([kind.key for kind in ProbeKind], rng.randint(0, 3))
        app = {"image": "m:1", **dict.fromkeys(kinds, probe)}
        hooks = {"lifecycle": {"preStop": {"sleep": {"seconds": 1}}, "postStart": {"httpGet": {"port": 1}}}}
        spec: dict[str, Any] = {
            "restartPolicy": rng.choice(["Always", "OnFailure", "Never"]),
            "terminationGracePeriodSeconds": rng.choice([0, 1, 30]),
            "containers": [{"name": "a", **app}, {"name": "b", "image": "m:2", **hooks}][: rng.randint(1, 2)],
        }
        inits = [{"name": "side", **app, "restartPolicy": "Always"}, {"name": "init", "image": "m:1"}]
        if rng.random() < 0.5:
            spec["initContainers"] = rng.sample(inits, rng.randint(1, 2))
        if rng.random() < 0.1:
            spec["activeDeadlineSeconds"] = rng.randint(1, 600)
        metadata = {"name": name, "namespace": "default", "uid": f"u-{name}"}
        return {"metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}

    def _world(self) -> World:
        names = ("a", "b", "side", "init")
        return World(
            {name: self._container(name) for name in names},
            {f"m:{number}": self._image() for number in (1, 2)},
            self._tries("", 2),
            self._tries("", 2),
        )  # fmt: skip

    def _image(self) -> ImageWorld:
        return ImageWorld(self._rng.random() < 0.5, self._tries("ErrImagePull", 30))

    def _container(self, name: str) -> ContainerWorld:
        rng = self._rng
        longest = 20 if name == "init" else 3600
        runs = [Exit(rng.randint(0, longest) * SECOND, rng.choice([0, 1, 137])) for _ in range(5)]
        if name != "init" and rng.random() < 0.5:
            runs.append(Exit(FOREVER))
        ends = rng.choice([Exit(SECOND, 0), Exit(10 * SECOND, 143), Exit(FOREVER)])
        answers = {
            kind: tuple((rng.randint(0, 600) * SECOND, self._answer()) for _ in range(rng.randint(0, 3)))
            for kind in ProbeKind
        }
        return ContainerWorld(
            tuple(runs), ends,
            self._tries("CreateContainerConfigError", 1), self._tries("RunContainerError", 1),
            self._tries("", 20), self._tries("", 200), answers,
        )  # fmt: skip

    def _answer(self) -> Probed:
        return Probed(self._rng.choice(list(ProbeResult)), "x")

    def _tries(self, reason: str, longest_s: int) -> tuple[Try, ...]:
        rng = self._rng
        count = rng.randint(1, 3)
        failures = [Failed("x", reason) if rng.random() < 0.2 else None for _ in range(count - 1)]
        return tuple(Try(rng.randint(0, longest_s * SECOND), failure) for failure in [*failures, None])
