"""A whole agent: started, reloaded and ended in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from pathlib import Path

import aiohttp
import pytest

from bronzewillow.agent.addresses import pack_address
from bronzewillow.agent.client import PodConnector
from bronzewillow.agent.net import Net
from bronzewillow.cni.leases import Leases
from bronzewillow.testing.agents import answer_with_path, config_text, running_agent
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import Wire, unix_server, until
from bronzewillow.testing.overlay import OTHER_POD, POD, node_spec
from bronzewillow.testing.ports import free_udp_port

pytestmark = pytest.mark.loopback


def test_reload_takes_pods_and_ports_and_breaks_no_connection() -> None:
    async def main() -> None:
        async with running_agent() as rig, rig.session() as session:
            async with session.get(f"http://{POD}:8080/1") as response:
                assert await response.text() == "/1"
            more = config_text(rig.port, rig.peer_port, rig.upstream, (8080, 8081))
            rig.config.write_text(
                more + f'\n[[pods]]\nname = "b"\naddress = "{OTHER_POD}"\n'
                f'ports = [{{ port = 80, upstream = "unix:{rig.upstream}" }}]\n'
            )
            await rig.agent.reload()
            async with session.get(f"http://{POD}:8080/2") as response:
                assert await response.text() == "/2"
            assert rig.agent.net.open_connections == 1  # the same one
            assert await rig.get("/3", 8081) == (200, "/3")
            async with session.get(f"http://{OTHER_POD}/4") as response:
                assert await response.text() == "/4"

    run(main())


def test_reload_counts_the_pods_of_leases_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sockets = tmp_path / "p"
    Leases(tmp_path / "leases").give(
        [IPv4Network("10.244.7.0/24")], (), "c1", "eth0", "pods", "default/tiny", sockets
    )

    async def main() -> None:
        async with running_agent(leases=tmp_path / "leases") as rig:
            await rig.agent.reload()

    run(main())
    assert "reloaded: 1 peers, 2 pods" in caplog.text


def test_reload_takes_peers() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            text = rig.config.read_text()
            elsewhere = text.replace(
                'name = "node-8"\naddress = "127.0.0.1"', 'name = "node-9"\naddress = "127.0.0.9"'
            )
            rig.config.write_text(elsewhere.replace('"10.244.8.0/24"', '"10.244.9.0/24"'))
            await rig.agent.reload()
            with pytest.raises((aiohttp.ClientError, OSError, TimeoutError)):
                async with asyncio.timeout(0.2):
                    await rig.get("/x")
            rig.config.write_text(text)
            await rig.agent.reload()
            assert await rig.get("/x") == (200, "/x")

    run(main())


def test_reload_turns_the_knobs_of_tcp_for_connections_to_come() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            assert await rig.get("/x") == (200, "/x")
            before = {stack.config.tcp.congestion_control for stack in rig.agent.net.node.stacks.values()}
            rig.config.write_text('[tcp]\ncongestion_control = "reno"\n' + rig.config.read_text())
            await rig.agent.reload()
            after = {stack.config.tcp.congestion_control for stack in rig.agent.net.node.stacks.values()}
            assert (before, after) == ({"cubic"}, {"reno"})
            assert await rig.get("/x") == (200, "/x")

    run(main())


@pytest.mark.loopback2
def test_reload_moves_our_end_and_connections_live_on() -> None:
    async def main() -> None:
        async with running_agent() as rig, rig.session() as session:
            async with session.get(f"http://{POD}:8080/before") as response:
                assert await response.text() == "/before"
            stack = rig.agent.net.node.stacks[pack_address(POD)]
            (connection,) = stack.connections()
            rig.config.write_text(rig.config.read_text().replace("127.0.0.1", "127.0.0.2", 1))
            await rig.agent.reload()
            (underlay,) = rig.agent.net.node.underlays
            assert underlay.socket.address == ("127.0.0.2", rig.port)
            (spec,) = (one.vtep.spec for one in rig.client.node.underlays)
            peer = replace(spec.peers[0], address=pack_address("127.0.0.2"))
            rig.client.node.update([replace(spec, peers=(peer,))])
            async with session.get(f"http://{POD}:8080/after") as response:
                assert await response.text() == "/after"
            assert stack.connections() == [connection]
            assert underlay.socket.reads > 2  # counted on

    run(main())


def test_reload_to_an_address_of_another_machine_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with running_agent() as rig:
            rig.config.write_text(rig.config.read_text().replace("127.0.0.1", "192.0.2.99", 1))
            await rig.agent.reload()
            assert f"not reloaded: 192.0.2.99:{rig.port}" in caplog.text
            assert await rig.get("/x") == (200, "/x")

    run(main())


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('encap = "vxlan"', 'encap = "vlan"', "node.toml:2: overlay.encap"),
        ("vni = 1", "vni = 2", "needs a restart"),
        ('mac = "02:00:00:00:00:07"', 'mac = "02:00:00:00:00:17"', "needs a restart"),
        ("[[pods]]", "[[pods", "node.toml:"),
    ],
)
def test_a_file_that_cannot_be_taken_changes_nothing(
    before: str, after: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with running_agent() as rig:
            text = rig.config.read_text()
            assert before in text
            rig.config.write_text(text.replace(before, after, 1))
            await rig.agent.reload()
            assert "not reloaded: " in caplog.text
            assert told in caplog.text
            assert await rig.get("/x") == (200, "/x")

    run(main())


@pytest.mark.case("report-17")
def test_an_agent_that_cannot_start_gives_everything_back() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            await rig.agent.close()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("127.0.0.1", rig.port))

    run(main())


@dataclass
class Program:
    """`bronzewillow agent` as a process of its own."""

    process: asyncio.subprocess.Process
    config: Path
    client: Net
    notified: socket.socket
    log: list[str]

    async def line(self, text: str) -> None:
        """Read its log until a line has `text`."""
        assert self.process.stderr is not None
        while not any(text in line for line in self.log):
            line = (await self.process.stderr.readline()).decode()
            assert line, "".join(self.log)
            self.log.append(line)

    async def state(self) -> bytes:
        """What it tells its NOTIFY_SOCKET next."""
        return await asyncio.get_running_loop().sock_recv(self.notified, 100)

    def session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=PodConnector(self.client))


@asynccontextmanager
async def program(folder: Path, *arguments: str) -> AsyncIterator[Program]:
    folder.chmod(0o700)
    port, peer_port = free_udp_port(), free_udp_port()
    config = folder / "node.toml"
    config.write_text(config_text(port, peer_port, folder / "s"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(folder / "notify"))
        notified.setblocking(False)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bronzewillow", "agent", "--config", str(config)),
            *("--control", str(folder / "c"), *arguments),
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"NOTIFY_SOCKET": str(folder / "notify")},
        )
        client = Net(node_spec(8, peer_port, port))
        try:
            yield Program(process, config, client, notified, [])
        finally:
            client.close()
            if process.returncode is None:
                process.kill()
                await process.wait()


def test_a_life_ready_reloaded_drained(tmp_path: Path) -> None:
    async def main() -> None:
        asked, answer = asyncio.Event(), asyncio.Event()

        async def slow(wire: Wire) -> None:
            await wire.request()
            asked.set()
            await answer.wait()
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast")

        async with unix_server(str(tmp_path / "s"), slow), program(tmp_path) as p, p.session() as session:
            await p.line("ready")
            assert await p.state() == b"READY=1"
            p.process.send_signal(signal.SIGHUP)
            await p.line("reloaded: 1 peers, 1 pods")

            asking = asyncio.ensure_future(session.get(f"http://{POD}:8080/"))  # noqa: TID251
            await asked.wait()
            p.process.terminate()
            await p.line("ending")
            assert await p.state() == b"STOPPING=1"
            with pytest.raises(OSError, match=r"."):
                await p.client.create_connection(asyncio.Protocol, POD, 8080)
            answer.set()
            response = await asking
            assert await response.text() == "last"
            assert response.headers["Connection"] == "close"
            assert await p.process.wait() == 0
            assert not (tmp_path / "c").exists()

    run(main())


@pytest.mark.case("case-25")
def test_a_drain_has_an_end(tmp_path: Path) -> None:
    async def main() -> None:
        async def never(wire: Wire) -> None:
            await asyncio.Event().wait()

        async with (
            unix_server(str(tmp_path / "s"), never),
            program(tmp_path, "--drain", "0.2") as p,
            p.session() as session,
        ):
            await p.line("ready")
            asking = asyncio.ensure_future(session.post(f"http://{POD}:8080/"))  # noqa: TID251
            await until(lambda: p.client.node.underlays[0].vtep.datagrams_in > 1)
            p.process.terminate()
            assert await p.process.wait() == 0
            with pytest.raises((aiohttp.ClientError, OSError)):
                await asking

    run(main())


def test_after_kill_it_starts_again_in_its_place(tmp_path: Path) -> None:
    async def main() -> str:
        async with unix_server(str(tmp_path / "s"), answer_with_path):
            async with program(tmp_path) as p:
                await p.line("ready")
                p.process.kill()
                await p.process.wait()
            (tmp_path / "notify").unlink()
            async with program(tmp_path) as p, p.session() as session:
                await p.line("ready")
                async with session.get(f"http://{POD}:8080/back") as response:
                    return await response.text()

    assert run(main()) == "/back"
