"""The product in a lab: the agent and runm as user 65534 without capabilities, in the Mac's namespace."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from bronzewillow.testing.lab.child import Child, wait_until
from bronzewillow.testing.lab.config import OtherPeer, Pod, Port, render
from bronzewillow.testing.lab.netns import LabError
from bronzewillow.testing.lab.plan import MAC_POD
from bronzewillow.testing.lab.programs import Programs
from bronzewillow.testing.lab.relay import Impairment
from bronzewillow.testing.lab.topology import Topology

HTTP_PORT, TCP_PORT = 8080, 9000
"""Of a pod: runm behind the HTTP proxy, the file server behind the relay."""
FILES = "127.0.0.1:9100"
"""Where the file server listens in the Mac's namespace."""


class Node(Programs):
    """The Mac's namespace, and what runs in it."""

    def __init__(self, topology: Topology, environment: Path) -> None:
        """`environment` is what `bronzewillow.testing.lab.environment` has made."""
        super().__init__(topology.mac, topology.folder / "run", environment)
        self.topology = topology
        self.agent: Child | None = None
        self.relay: Child | None = None

    def __str__(self) -> str:
        return str(self.topology.plan)

    @property
    def model_socket(self) -> Path:
        """Where runm listens."""
        return self.folder / "runm.sock"

    @property
    def config(self) -> Path:
        """The agent's configuration file."""
        return self.topology.folder / "node.toml"

    def pod(self, name: str = "default/model-0", address: str = MAC_POD) -> Pod:
        """The pod of most tests: the model on 8080, files on 9000."""
        model = Port(HTTP_PORT, f"unix:{self.model_socket}", "http")
        return Pod(name, address, (model, Port(TCP_PORT, f"tcp:{FILES}", "tcp")))

    def start_agent(self, pods: Sequence[Pod] = (), *options: str, text: str | None = None) -> Child:
        """The agent with the worker as its peer; `pods` is the usual one by default, `text` a whole file."""
        self.config.write_text(text or render(self.topology.plan, pods or (self.pod(),)))
        argv = ("bronzewillow", "agent", "--config", str(self.config), "--control", str(self.control))
        self.agent = self.start("agent", *argv, "--node-name", "mac-1", *options)
        return self.agent

    def start_model(self, *options: str) -> Child:
        """runm with the real model."""
        model = str(self.environment / "model.gguf")
        argv = (
            "runm",
            "serve",
            "--model",
            model,
            "--name",
            "smollm2",
            "--listen",
            f"unix:{self.model_socket}",
        )
        return self.start("runm", *argv, "--threads", "2", "--context", "512", *options)

    def start_files(self) -> Child:
        """The file server behind the opaque relay."""
        return self.start("files", "python", "-m", "bronzewillow.testing.lab.files", FILES)

    def start_relay(self, impairment: Impairment, seed: int = 1) -> None:
        """The relay of a relayed plan, before anything is sent."""
        self.relay = start_relay(self.topology, impairment, seed)
        self.children.append(self.relay)

    def reload(self, pods: Sequence[Pod], others: Sequence[OtherPeer] = ()) -> None:
        """Write a new configuration and tell the agent; returns when it has said that it took it."""
        assert self.agent is not None
        agent = self.agent
        count = agent.log.count(": reloaded: ")
        self.config.write_text(render(self.topology.plan, pods, others))
        agent.signal(signal.SIGHUP)

        def refused() -> None:
            if "not reloaded:" in agent.log:
                raise LabError(agent.tail())

        wait_until(lambda: agent.log.count(": reloaded: ") > count, "the agent has reloaded", check=refused)


Running = Callable[..., AbstractContextManager[Node]]
"""Makes a lab with the product in it: (plan, model=, impairment=)."""


def start_relay(topology: Topology, impairment: Impairment, seed: int = 1) -> Child:
    """The relay of a relayed plan. It runs as root, from the working tree."""
    assert topology.net is not None
    argv = [sys.executable, "-m", "bronzewillow.testing.lab.relay", "w0", "m0", *impairment.arguments()]
    relay = Child("relay", topology.net, [*argv, "--seed", str(seed)], topology.folder, dict(os.environ))
    relay.wait_line("ready")
    return relay


def relay_counts(relay: Child) -> dict[str, int]:
    """What the relay has done so far."""
    before = relay.log.count("}")
    relay.signal(signal.SIGUSR1)
    wait_until(lambda: relay.log.count("}") > before, "the relay tells its counters")
    counts: dict[str, int] = json.loads(relay.log.strip().splitlines()[-1])
    return counts
