"""The composition root of `bronzewillow agent`: its parts made, joined, reloaded and ended in order."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from bronzewillow.agent.addresses import endpoint_text
from bronzewillow.agent.config import AgentConfig, ConfigError, load_config
from bronzewillow.agent.control import ControlServer
from bronzewillow.agent.datagram import Rung
from bronzewillow.agent.door import Door
from bronzewillow.agent.explaining import Known
from bronzewillow.agent.garbage import GarbageSearch
from bronzewillow.agent.leased import LOOK_EVERY_S, leased_pods
from bronzewillow.agent.metrics import AgentCollector
from bronzewillow.agent.net import Net
from bronzewillow.agent.pods import Pods
from bronzewillow.agent.way import Ways
from bronzewillow.cni.errors import CniError
from bronzewillow.cni.leases import Leases
from bronzewillow.host.listening import tell_scarcity_shortly
from bronzewillow.host.notify import notify, tell_ready
from bronzewillow.host.paths import door_socket
from bronzewillow.host.tasks import spawn
from bronzewillow.overlay.spec import OverlaySpec
from bronzewillow.policy.rules import NodeRules
from bronzewillow.policy.world import World
from bronzewillow.proxy import ProxyMetrics
from bronzewillow.services.names import DOMAIN
from bronzewillow.stack import TcpConfig

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """What the command line says, beside the configuration file."""

    config: Path | None
    """The TOML file, read again on SIGHUP; None where a cluster says what would stand in it."""
    control: Path
    """The control socket; the door's is beside it."""
    node_name: str
    """Names this node; the default MAC comes from it."""
    metrics: tuple[str, int] | None = None
    """Host and port for /metrics on TCP."""
    rung: Rung | None = None
    """Forces a way of datagram I/O."""
    tcp: TcpConfig = field(default_factory=TcpConfig)
    """What the connections of a cluster's node go by; a file has [tcp]."""
    leases: Path | None = None
    """The folder of the CNI plugin's leases; None for none."""
    outlet: tuple[str, int] | None = None
    """Host and port of loopback where local programs reach pods and Services, by HTTP proxy and SOCKS 5."""
    cluster_domain: str = DOMAIN
    """With which full names of Services end."""
    drain_s: float = 10.0
    """Seconds that connections get to end after SIGTERM."""


async def run_agent(config: AgentConfig, options: AgentOptions) -> None:
    """Serve until SIGTERM or SIGINT. OSError and ValueError, in one line, when it cannot begin."""
    agent = Agent(config, options)
    await agent.start()
    tell_scarcity_shortly()
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: spawn(agent.reload(), name="reload"))
    searching = spawn(GarbageSearch().run(lambda: True), name="garbage")
    tell_ready()
    await ended.wait()
    searching.cancel()
    _log.info("ending: connections have %.0f s to finish", options.drain_s)
    notify("STOPPING=1")
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)  # a second one ends us at once
    await agent.close()


class Agent:
    """A running agent."""

    def __init__(
        self,
        config: AgentConfig,
        options: AgentOptions,
        cluster: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        """Binds the overlay's port; OSError when that fails. `cluster`: what /status tells of one."""
        self._config = config
        self._options = options
        registry = CollectorRegistry()
        self.net = Net(*config.overlays, rung=options.rung, tcp=config.tcp)
        self.pods = Pods(self.net, ProxyMetrics(registry), options.drain_s)
        self.ways = Ways(
            self.net,
            options.node_name,
            domain=options.cluster_domain,
            allows_hosts=lambda: options.outlet is not None,
        )
        self._door = Door(self.ways, self.pods.caller)
        self._control = ControlServer(
            self.net,
            self.pods,
            registry,
            self.look,
            cluster,
            outlets=self._door.outlets,
            known=self._known,
        )
        self._leases = Leases(options.leases) if options.leases is not None else None
        self._looking: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._world: Callable[[], World] | None = None
        registry.register(AgentCollector(self.net, self.pods, self._door.refusals))

    async def start(self) -> None:
        """Open the control socket, then bring the pods to life."""
        try:
            await self._control.start(self._options.control, self._options.metrics)
            await self._door.start(door_socket(self._options.control), self._options.outlet)
            if self._leases is not None:
                self._leases.outlet = await self._door.start_for_pods(self._leases.outlet)
            await self.look()
        except BaseException:
            self._door.close()
            await self._control.close()
            self.net.close()
            raise
        if self._leases is not None:
            self._looking = spawn(self._look_now_and_then(), name="leases")

    @property
    def addresses(self) -> tuple[bytes, ...]:
        """This node's own, inside the overlay and outside."""
        node = self.net.node
        return (*node.addresses, *(one.vtep.spec.address for one in node.underlays))

    def enforce(self, rules: NodeRules, world: Callable[[], World] | None = None) -> None:
        """Go by these policies from now on: connections that they do not let stand are reset.

        `world`: makes what they were made of, for who asks why.
        """
        self._world = world
        self.net.policy.take(rules)
        self.net.recheck()
        self.ways.recheck()

    async def look(self) -> None:
        """Bring the pods of the file and of the leases to life. CniError when leases cannot be read."""
        async with self._changing:
            await self._apply()

    def _known(self) -> Known | None:
        if self._world is None:
            return None
        domain = self._options.cluster_domain
        return Known(self._world, self.pods.names, self.addresses, self.ways.services, domain)

    async def _apply(self) -> None:
        static = self._config.pods
        if self._leases is None:
            await self.pods.apply(static)
            return
        leased = leased_pods(self._leases, self.net.node.owns)
        names, taken = {pod.name for pod in static}, {one for pod in static for one in pod.addresses}
        others = tuple(pod for pod in leased if pod.name not in names and taken.isdisjoint(pod.addresses))
        await self.pods.apply((*static, *others))

    async def _look_now_and_then(self) -> None:
        """A container opens and closes its sockets without telling anybody."""
        was_wrong = ""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.look()
                was_wrong = ""
            except (CniError, OSError) as error:
                if str(error) != was_wrong:
                    was_wrong = str(error)
                    _log.error("leases: %s", error)

    async def reload(self) -> None:
        """Read the file again. What is wrong with it is logged, and everything stays as it was."""
        assert self._options.config is not None
        try:
            config = load_config(self._options.config, self._options.node_name)
        except ConfigError as error:
            for problem in error.problems:
                _log.error("not reloaded: %s", problem)
            return
        try:
            joined = await self.join(config)
        except OSError as error:
            ends = ", ".join(endpoint_text(one.address, one.port) for one in config.overlays)
            _log.error("not reloaded: %s: %s", ends, error.strerror or error)
            return
        if joined:
            _log.info("reloaded: %d peers, %d pods", config.peer_count, len(self.pods.specs()))
        else:
            _log.error("not reloaded: [overlay] but for peers, address, port and mtu needs a restart")

    async def join(self, config: AgentConfig) -> bool:
        """Take over peers, pods and where our end in the underlay is; connections stay.

        False, and nothing is done: our end is another one. OSError, likewise: it cannot be where it is to be.
        """
        if list(map(_identity, config.overlays)) != list(map(_identity, self._config.overlays)):
            return False
        async with self._changing:
            self.net.node.update(config.overlays)
            self.net.node.take_tcp(config.tcp)
            self._config = config
            await self._apply()
        return True

    async def close(self, drain_s: float | None = None) -> None:
        """Drain to the limit (or `drain_s`), reset the rest, give everything back."""
        if self._looking is not None:
            self._looking.cancel()
        limit_s = self._options.drain_s if drain_s is None else drain_s
        deadline = asyncio.get_running_loop().time() + limit_s
        await self.pods.close(limit_s)
        await self.net.drain(max(deadline - asyncio.get_running_loop().time(), 0.1))
        self._door.close()
        await self._control.close()
        self.net.close()


def _identity(spec: OverlaySpec) -> OverlaySpec:
    """What of an overlay cannot change under its connections."""
    return replace(spec, peers=(), source_vnis=(), address=bytes(len(spec.address)), port=0, mtu=0)
