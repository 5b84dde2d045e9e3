"""The composition of `bronzewillow up`: which programs there are, in which order they come and go."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bronzewillow.host.command import CommandError
from bronzewillow.host.files import replace_file
from bronzewillow.host.paths import make_private, state_folder
from bronzewillow.host.tasks import spawn, together
from bronzewillow.supervise.child import Child, start
from bronzewillow.supervise.claim import Claim
from bronzewillow.supervise.daemon import Daemon, Tell
from bronzewillow.supervise.errors import UpError
from bronzewillow.supervise.joined import Joined, joined
from bronzewillow.supervise.local_network import local_config
from bronzewillow.supervise.program import Program, find_program

UP, AGENT, RUNTIME, STATIC_PODS, KUBELET = "up", "agent", "llm-containerd", "static-pods", "kubelet"
NAMES = (UP, AGENT, RUNTIME, STATIC_PODS, KUBELET)
"""Of those that write to the log."""
_FORMER_LIMIT_S = 15.0
_THEY_GO_ON = (
    "what goes on of them keeps its memory; to end it, start `bronzewillow up` again, and press Ctrl-C once"
)


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What the command line says."""

    config: Path | None = None
    """The agent's; None for a network on this machine alone, or the cluster's."""
    manifests: Path | None = None
    """The folder of static pods; None for none."""
    keeps_pods: bool = False
    """Whether pods go on when the node ends."""
    node_name: str | None = None
    log_level: str = "info"
    cluster: Joined | None = None
    """The node that this machine is in a cluster; None for none."""
    network: tuple[str, ...] = ()
    """Further options of the agent, of those that only a cluster's has."""
    kubelet: tuple[str, ...] = ()
    """Further options of llm-kubelet."""


class Node:
    """The daemons of one node."""

    def __init__(self, options: UpOptions, tell: Tell, claims: Path) -> None:
        """`claims`: the folder in which it is kept which daemons live."""
        self._options, self._tell, self._claims = options, tell, claims
        self._held: list[Claim] = []
        self._daemons: dict[str, Daemon] = {}
        self._running: list[asyncio.Task[None]] = []
        self._ending_pods: Child | None = None
        self._is_killed = False
        self.has_left = asyncio.Event()
        """Set when the cluster has been left, by `bronzewillow leave`: there is no node to be any more."""

    async def start(self) -> None:
        """All daemons, until they serve; what a killed `up` left makes way, also where nothing follows it.

        UpError, OSError.
        """
        programs = self._programs()
        names = {program.name for program in programs}
        left = {path.stem for path in self._claims.glob("*.lock")} & {*NAMES}
        claims = {name: Claim(self._claims / f"{name}.lock") for name in sorted(names | left)}
        self._held = list(claims.values())
        await together(*(self._replace(name, claim) for name, claim in claims.items()))
        # in a cluster all wait for each other: the network for the Node's podCIDR, the Node for the network
        servers = [program for program in programs if program.name != STATIC_PODS]
        await together(*(self._serve(program, claims[program.name]) for program in servers))
        for program in programs[len(servers) :]:
            await self._serve(program, claims[program.name])

    async def end(self, *, with_pods: bool) -> None:
        """Who makes pods, the pods if it is so wished, then who serves them. UpError when pods remain."""
        for name in (STATIC_PODS, KUBELET):
            if (maker := self._daemons.get(name)) is not None:
                await maker.end()
        # a cluster's pods are the cluster's to end: a node that starts again finds them, unless it has left
        keeps_pods = self._options.keeps_pods or self._options.cluster is not None
        if self.has_left.is_set():
            with_pods, keeps_pods = True, False
        try:
            if with_pods and not keeps_pods and RUNTIME in self._daemons:
                await self._end_pods()
        finally:
            await asyncio.gather(*(daemon.end() for daemon in self._daemons.values()), *self._running)
            for claim in self._held:
                claim.close()

    def reload(self) -> None:
        """The agent reads its configuration again, static pods their folder."""
        for name in (AGENT, STATIC_PODS) if self._options.cluster is None else ():
            if name in self._daemons:
                self._daemons[name].signal(signal.SIGHUP)

    def kill(self) -> None:
        """All daemons at once; pods go on."""
        self._is_killed = True
        for daemon in self._daemons.values():
            daemon.kill()
        if self._ending_pods is not None:
            self._ending_pods.signal(signal.SIGKILL)

    async def _replace(self, name: str, claim: Claim) -> None:
        former = await claim.take(_FORMER_LIMIT_S)
        if former is not None:
            self._tell(UP, f"{name} of a former `up`, process {former}, has made way")

    async def _serve(self, program: Program, claim: Claim) -> None:
        is_needed = _is_node if program.name == KUBELET else lambda: True
        daemon = self._daemons[program.name] = Daemon(program, claim, self._tell, UP, is_needed)
        running = spawn(daemon.run(), name=program.name)
        running.add_done_callback(lambda _: None if is_needed() else self.has_left.set())
        self._running.append(running)
        await daemon.wait_ready()

    async def _end_pods(self) -> None:
        if self._is_killed:
            raise UpError(f"killed before pods were ended: {_THEY_GO_ON}")
        program = Program(STATIC_PODS, (find_program("llm-static-pods"), "--end-all"))
        self._ending_pods = child = await start(program)
        if self._is_killed:
            child.signal(signal.SIGKILL)
        async for line in child.lines():
            self._tell(STATIC_PODS, line)
        if await child.wait():
            how = "killed before all pods had ended" if self._is_killed else "some pods could not be ended"
            raise UpError(f"{how}: {_THEY_GO_ON}")

    def _programs(self) -> list[Program]:
        """In the order of their start. UpError."""
        options = self._options
        level = ("--log-level", options.log_level)
        if options.cluster is not None:
            return self._of_cluster(options.cluster)
        name = ("--node-name", options.node_name) if options.node_name else ()
        path = state_folder() / "up" / "node.toml"
        config, prepare = (options.config, tuple) if options.config else (path, partial(_write_local, path))
        agent = (find_program("bronzewillow"), "agent", "--config", str(config), *name, *level)
        programs = [
            Program(AGENT, agent, prepare=prepare),
            Program(RUNTIME, (find_program("llm-containerd"), *level)),
        ]
        if options.manifests is not None:
            folder = ("--manifests", str(options.manifests))
            programs.append(Program(STATIC_PODS, (find_program("llm-static-pods"), *folder, *name, *level)))
        return programs

    def _of_cluster(self, cluster: Joined) -> list[Program]:
        options = self._options
        level = ("--log-level", options.log_level)
        source = (
            ("--config", str(options.config)) if options.config else ("--kubeconfig", str(cluster.kubeconfig))
        )
        agent = (find_program("bronzewillow"), "agent", *source, "--node-name", cluster.name)
        static = ("--static-pods", str(options.manifests)) if options.manifests is not None else ()
        return [
            # it waits for the cluster, however long that takes, and says for what
            Program(AGENT, (*agent, *options.network, *level), ready_limit_s=None),
            Program(RUNTIME, (find_program("llm-containerd"), *level)),
            Program(KUBELET, (find_program("llm-kubelet"), "run", *static, *options.kubelet, *level)),
        ]


def _write_local(path: Path) -> None:
    """Anew, whatever has become of it. OSError."""
    make_private(path.parent)
    replace_file(path, local_config().encode())


def _is_node() -> bool:
    """Whether this machine is one of a cluster's, as far as can be told."""
    try:
        return joined() is not None
    except CommandError:
        return True
