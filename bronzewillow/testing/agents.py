"""An agent in a test's own process, with one pod, and a node beside it that asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from bronzewillow.agent.app import Agent, AgentOptions
from bronzewillow.agent.client import PodConnector
from bronzewillow.agent.config import load_config
from bronzewillow.agent.net import Net
from bronzewillow.testing.loopback import Serve, Wire, unix_server
from bronzewillow.testing.overlay import POD, node_spec
from bronzewillow.testing.ports import free_udp_port

POD_NAME = "default/tiny-0"


def config_text(port: int, peer_port: int, upstream: Path, ports: Sequence[int] = (8080,)) -> str:
    """Node 7 of `testing.overlay`, with one pod at `POD`."""
    lines = "\n".join(f'  {{ port = {number}, upstream = "unix:{upstream}" }},' for number in ports)
    return f"""\
[overlay]
encap = "vxlan"
address = "127.0.0.1"
port = {port}
vni = 1
pod_cidr = "10.244.7.0/24"
mac = "02:00:00:00:00:07"

[[overlay.peers]]
name = "node-8"
address = "127.0.0.1"
port = {peer_port}
mac = "02:00:00:00:00:08"
pod_cidrs = ["10.244.8.0/24"]

[[pods]]
name = "{POD_NAME}"
address = "{POD}"
ports = [
{lines}
]
"""


async def answer_with_path(wire: Wire) -> None:
    """An upstream that answers every request with its path."""
    while True:
        path = (await wire.request()).start_line.split()[1]
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path))


@dataclass(frozen=True, slots=True)
class AgentRig:
    """`folder` holds the configuration file, the control socket and the upstream's."""

    agent: Agent
    client: Net
    folder: Path
    port: int
    peer_port: int

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "node.toml"

    @property
    def control(self) -> Path:
        """The control socket."""
        return self.folder / "agent.sock"

    @property
    def upstream(self) -> Path:
        """The model's socket."""
        return self.folder / "s"

    def session(self) -> aiohttp.ClientSession:
        """An HTTP client on the other node."""
        return aiohttp.ClientSession(connector=PodConnector(self.client))

    async def get(self, path: str, port: int = 8080, address: str = POD) -> tuple[int, str]:
        """Ask a pod once; status and body."""
        async with self.session() as session, session.get(f"http://{address}:{port}{path}") as response:
            return response.status, await response.text()


@asynccontextmanager
async def running_agent(
    serve: Serve = answer_with_path,
    *,
    metrics: tuple[str, int] | None = None,
    leases: Path | None = None,
    drain_s: float = 5.0,
) -> AsyncIterator[AgentRig]:
    """An agent that has started; it is closed at the end."""
    with TemporaryDirectory(prefix="bw") as name:
        folder = Path(name)
        port, peer_port = free_udp_port(), free_udp_port()
        config = folder / "node.toml"
        config.write_text(config_text(port, peer_port, folder / "s"))
        options = AgentOptions(
            config, folder / "agent.sock", "mac-1", metrics, leases=leases, drain_s=drain_s
        )
        agent = Agent(load_config(config, "mac-1"), options)
        await agent.start()
        client = Net(node_spec(8, peer_port, port))
        try:
            async with unix_server(str(folder / "s"), serve):
                yield AgentRig(agent, client, folder, port, peer_port)
        finally:
            client.close()
            await agent.close()
