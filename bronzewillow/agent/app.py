"""The composition root of `bronzewillow agent`: its parts made, joined, reloaded and ended in order."""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import dataclass, replace
from pathlib import Path

from prometheus_client import CollectorRegistry

from bronzewillow.agent.config import AgentConfig, ConfigError, load_config
from bronzewillow.agent.control import ControlServer
from bronzewillow.agent.datagram import Rung
from bronzewillow.agent.metrics import AgentCollector
from bronzewillow.agent.net import Net
from bronzewillow.agent.pods import Pods
from bronzewillow.host.notify import notify, tell_ready
from bronzewillow.host.tasks import spawn
from bronzewillow.proxy import ProxyMetrics

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """What the command line says, beside the configuration file."""

    config: Path
    """The TOML file; read again on SIGHUP."""
    control: Path
    """The control socket."""
    node_name: str
    """Names this node; the default MAC comes from it."""
    metrics: tuple[str, int] | None = None
    """Host and port for /metrics on TCP."""
    rung: Rung | None = None
    """Forces a way of datagram I/O."""
    drain_s: float = 10.0
    """Seconds that connections get to end after SIGTERM."""


async def run_agent(config: AgentConfig, options: AgentOptions) -> None:
    """Serve until SIGTERM or SIGINT. OSError and ValueError, in one line, when it cannot begin."""
    agent = Agent(config, options)
    await agent.start()
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: spawn(agent.reload(), name="reload"))
    tell_ready()
    await ended.wait()
    _log.info("ending: connections have %.0f s to finish", options.drain_s)
    notify("STOPPING=1")
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)  # a second one ends us at once
    await agent.close()


class Agent:
    """A running agent."""

    def __init__(self, config: AgentConfig, options: AgentOptions) -> None:
        """Binds the overlay's port; OSError when that fails."""
        self._config = config
        self._options = options
        registry = CollectorRegistry()
        self.net = Net(config.overlay, options.rung)
        self.pods = Pods(self.net, ProxyMetrics(registry), options.drain_s)
        self._control = ControlServer(self.net, self.pods, registry)
        self._reloading = asyncio.Lock()
        registry.register(AgentCollector(self.net, self.pods))

    async def start(self) -> None:
        """Open the control socket, then bring the pods to life."""
        try:
            await self._control.start(self._options.control, self._options.metrics)
            await self.pods.apply(self._config.pods)
        except BaseException:
            await self._control.close()
            self.net.close()
            raise

    async def reload(self) -> None:
        """Read the file again. What is wrong with it is logged, and everything stays as it was."""
        async with self._reloading:
            try:
                config = load_config(self._options.config, self._options.node_name)
            except ConfigError as error:
                for problem in error.problems:
                    _log.error("not reloaded: %s", problem)
                return
            old, new = self._config.overlay, config.overlay
            if replace(new, peers=()) != replace(old, peers=()):
                _log.error("not reloaded: all of [overlay] but its peers needs a restart")
                return
            self._config = config
            self.net.node.update(new)
            await self.pods.apply(config.pods)
            _log.info("reloaded: %d peers, %d pods", len(new.peers), len(config.pods))

    async def close(self) -> None:
        """Drain to the limit, reset the rest, give everything back."""
        deadline = asyncio.get_running_loop().time() + self._options.drain_s
        await self.pods.close(self._options.drain_s)
        await self.net.drain(max(deadline - asyncio.get_running_loop().time(), 0.1))
        await self._control.close()
        self.net.close()
