"""What a pod's machine knows: the pod, what was observed, its containers."""

from __future__ import annotations

from collections.abc import Iterator

from kubelet.model.container_run import ContainerRun
from kubelet.model.observed import ObservedPod, ObservedSandbox
from kubelet.model.outbox import Outbox
from kubelet.model.pod_spec import Kind, Object, containers, objects, status, text


class PodState:
    """Shared by the parts of one pod's machine."""

    def __init__(self, pod: Object) -> None:
        self.pod = pod
        self.is_gone = False
        """The API object is no more, or the static pod's file."""
        self.outbox = Outbox()
        self.observed: ObservedPod | None = None
        self.runs: dict[str, ContainerRun] = {}
        """By name: init containers first, each kind in the order of the spec."""
        self.is_given_up = False
        """Nothing is started any more."""
        self._unwanted: set[str] = set()
        self._add_runs(pod)

    def follow(self, pod: Object) -> None:
        """The API object has changed."""
        self.pod = pod
        for kind in Kind:
            for container in containers(pod, kind):
                run = self.runs.get(str(container["name"]))
                if run is not None:
                    run.follow(container)

    def observe(self, observed: ObservedPod, agent_started: int, wall: int, now: int) -> None:
        """The runtime has changed. Containers that the pod has not are taken in, to be ended."""
        self.observed = observed
        for one in observed.containers:
            if one.name not in self.runs:
                self._unwanted.add(one.name)
                stranger = {"name": one.name}
                self.runs[one.name] = ContainerRun(self.pod, stranger, Kind.APP, self.outbox, {})
        for run in self.runs.values():
            run.observe(observed, agent_started, wall, now)

    @property
    def sandbox(self) -> ObservedSandbox | None:
        """The newest one."""
        return self.observed.newest_sandbox if self.observed is not None else None

    def wanted(self, kind: Kind) -> list[ContainerRun]:
        """The pod's containers of that kind, in order."""
        return [run for run in self.runs.values() if run.kind is kind and run.name not in self._unwanted]

    def unwanted(self) -> list[ContainerRun]:
        """Those that only the runtime knows."""
        return [self.runs[name] for name in sorted(self._unwanted)]

    def running(self) -> Iterator[ContainerRun]:
        """All containers that run."""
        return (run for run in self.runs.values() if run.running is not None)

    def _add_runs(self, pod: Object) -> None:
        for kind, field in ((Kind.INIT, "initContainerStatuses"), (Kind.APP, "containerStatuses")):
            told = {text(one.get("name")): one for one in objects(status(pod).get(field))}
            for container in containers(pod, kind):
                name = str(container["name"])
                self.runs[name] = ContainerRun(pod, container, kind, self.outbox, told.get(name, {}))
