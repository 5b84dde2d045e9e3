"""The door: what a CONNECT reaches, what it is answered, and how both ends end."""

from __future__ import annotations

import asyncio
import stat
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Network
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bronzewillow.agent import door as module
from bronzewillow.agent.addresses import pack_address
from bronzewillow.cni.leases import Lease, Leases
from bronzewillow.host.paths import door_socket
from bronzewillow.policy.compile import compile_node
from bronzewillow.policy.world import PolicyPod, World
from bronzewillow.testing.agents import AgentRig, running_agent
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import Wire, listening, until
from bronzewillow.testing.overlay import OTHER_POD, POD

pytestmark = pytest.mark.loopback
FROM_NODE = "10.244.7.1"


@asynccontextmanager
async def at_door(rig: AgentRig) -> AsyncIterator[Wire]:
    async with Wire(*await asyncio.open_unix_connection(str(door_socket(rig.control)))) as wire:
        yield wire


async def connected(wire: Wire, target: str) -> None:
    wire.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    head = await wire.head()
    assert head.status == 200, (head, await wire.rest())


async def refused(wire: Wire, target: str) -> tuple[int, bytes]:
    wire.send(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
    answer = await wire.response()
    assert await wire.rest() == b""
    return answer.status, answer.body


def test_a_pod_of_this_node_is_reached_through_its_stack_and_the_proxy() -> None:
    async def main() -> None:
        async with running_agent() as rig, at_door(rig) as wire:
            await connected(wire, f"{POD}:8080")
            flows = [(c.local, c.remote) for s in rig.agent.net.node.stacks.values() for c in s.connections()]
            assert len(flows) == 2  # both ends are here
            assert bytes(map(int, FROM_NODE.split("."))) in {local[0] for local, _ in flows}
            wire.send(b"GET /models HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n")
            assert (await wire.response()).body == b"/models"
            assert await wire.rest() == b""

    run(main())


def test_words_behind_the_request_are_for_the_pod() -> None:
    async def main() -> None:
        async with running_agent() as rig, at_door(rig) as wire:
            wire.send(f"CONNECT {POD}:8080 HTTP/1.1\r\n\r\nGET /early HTTP/1.1\r\nHost: pod\r\n\r\n".encode())
            assert (await wire.head()).status == 200
            assert (await wire.response()).body == b"/early"

    run(main())


def test_a_long_request_waits_for_its_destination() -> None:
    """A program that asks in plain HTTP sends the body right behind the head."""
    body = bytes(4 << 20)

    async def main() -> None:
        async def serve(wire: Wire) -> None:
            size = len((await wire.request()).body)
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%d" % (len(str(size)), size))

        async with running_agent(serve) as rig, at_door(rig) as wire:
            fields = f"Host: {POD}:8080\r\nContent-Length: {len(body)}"
            wire.send(f"POST http://{POD}:8080/ HTTP/1.1\r\n{fields}\r\n\r\n".encode() + body)
            assert (await wire.response()).body == str(len(body)).encode()

    run(main())


def test_pods_of_other_nodes_are_reached() -> None:
    class Shout(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transport.write(transport.get_extra_info("peername")[0].encode())
            transport.write_eof()

    async def main() -> None:
        async with running_agent() as rig:
            await rig.client.create_server(Shout, "10.244.8.1", 80)
            async with at_door(rig) as wire:
                await connected(wire, "10.244.8.1:80")
                assert await wire.rest() == FROM_NODE.encode()

    run(main())


def test_what_cannot_be_reached_says_why() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            async with at_door(rig) as wire:
                assert await refused(wire, f"{POD}:81") == (502, b"connection refused")
            async with at_door(rig) as wire:
                assert await refused(wire, f"{OTHER_POD}:80") == (502, b"no route to host")
            for elsewhere in ("192.0.2.77:80", "example.com:80"):  # only an outlet leads out of the overlay
                async with at_door(rig) as wire:
                    assert await refused(wire, elsewhere) == (502, b"no route to host")

    run(main())


@pytest.mark.parametrize(
    "target", ["p d:80", "10.244.7:80", "10.244.7.10:0", "10.244.7.10:65536", "10.244.7.10", "[::g]:80"]
)
def test_what_is_no_address_is_refused(target: str) -> None:
    async def main() -> tuple[int, bytes]:
        async with running_agent() as rig, at_door(rig) as wire:
            return await refused(wire, target)

    status, reason = run(main())
    assert status == 400
    assert b"CONNECT HOST:PORT" in reason


def test_a_head_without_end_is_refused() -> None:
    async def main() -> int:
        async with running_agent() as rig, at_door(rig) as wire:
            wire.send(b"CONNECT " + b"1" * 20_000)
            return (await wire.response()).status

    assert run(main()) == 400


def test_there_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CONNECTIONS", 1)

    async def main() -> None:
        async with running_agent() as rig, at_door(rig) as first:
            await connected(first, f"{POD}:8080")
            async with at_door(rig) as second:
                assert (await second.response()).status == 503
            first.send(b"GET /models HTTP/1.1\r\nHost: pod\r\n\r\n")
            assert (await first.response()).body == b"/models"

    run(main())


def test_at_the_limit_the_oldest_that_says_nothing_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CONNECTIONS", 3)

    async def main() -> None:
        async with with_a_pod() as (rig, lease, port), await Wire.connect(port) as joined:
            joined.send(with_password(lease, f"{POD}:8080"))
            assert (await joined.head()).status == 200
            guests = rig.agent._door.guests
            silent = []
            for _ in range(2):
                silent.append(await Wire.connect(port))
                await until(lambda: len(guests) == 1 + len(silent))
            async with await Wire.connect(port) as late:
                late.send(with_password(lease, f"{POD}:8080"))
                assert (await late.head()).status == 200
                assert await silent[0].rest() == b""
                silent[1].send(with_password(lease, f"{POD}:8080"))
                assert (await silent[1].head()).status == 200
                assert len(guests) == 3
            joined.send(b"GET /models HTTP/1.1\r\nHost: pod\r\n\r\n")
            assert (await joined.response()).body == b"/models"
            for wire in silent:
                await wire.close()

    run(main())


def test_nothing_is_left_of_those_who_leave() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            door = rig.agent._door
            for target in (f"{POD}:8080", ""):
                async with at_door(rig) as wire:
                    if target:
                        await connected(wire, target)
                    await until(lambda: len(door.guests) == 1)
                await until(lambda: not door.guests and not rig.agent.net.open_connections)

    run(main())


def test_only_its_owner_may_enter_and_it_goes_with_the_agent() -> None:
    async def main() -> bool:
        async with running_agent() as rig:
            path = door_socket(rig.control)
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        return path.exists()

    assert not run(main())


# ---- pods


@asynccontextmanager
async def with_a_pod() -> AsyncIterator[tuple[AgentRig, Lease, int]]:
    """An agent, a pod that CNI ADD has made, and the pods' outlet."""
    with TemporaryDirectory(prefix="door") as name:
        leases = Leases(Path(name) / "leases")
        (lease,) = leases.give(
            [IPv4Network("10.244.7.0/24")],
            [FROM_NODE],
            "c0ffee",
            "eth0",
            "pods",
            "default/leased",
            Path(name),
        )
        async with running_agent(leases=Path(name) / "leases") as rig:
            yield rig, lease, int(rig.agent._door.outlets["pods"].rpartition(":")[2])


def with_password(lease: Lease, target: str, password: str = "") -> bytes:
    text = f"{lease.name_at_outlet}:{password or lease.password}"
    basic = b64encode(text.encode()).decode()
    return f"CONNECT {target} HTTP/1.1\r\nProxy-Authorization: Basic {basic}\r\n\r\n".encode()


def test_the_pods_outlet_takes_pods_and_nobody_else() -> None:
    async def main() -> None:
        async with with_a_pod() as (rig, lease, port):
            target = f"{POD}:8080"
            without = f"CONNECT {target} HTTP/1.1\r\n\r\n".encode()
            for said in (without, with_password(lease, target, "guess")):
                async with await Wire.connect(port) as wire:
                    wire.send(said)
                    assert (await wire.response()).status == 407
            assert rig.agent._door.refusals == {407: 2}
            async with await Wire.connect(port) as wire:
                wire.send(with_password(lease, target))
                assert (await wire.head()).status == 200
                flows = [c.local for s in rig.agent.net.node.stacks.values() for c in s.connections()]
                assert pack_address(lease.address) in {address for address, _ in flows}

    run(main())


def test_a_wrong_password_is_refused_at_every_entrance() -> None:
    async def main() -> None:
        async with with_a_pod() as (rig, lease, _), at_door(rig) as wire:
            wire.send(with_password(lease, f"{POD}:8080", "guess"))
            assert (await wire.response()).status == 407

    run(main())


def test_a_policy_answers_403_and_says_which_it_is() -> None:
    async def main() -> None:
        async with with_a_pod() as (rig, lease, port):
            spec = {"podSelector": {}, "policyTypes": ["Egress"]}
            policy = {"metadata": {"namespace": "default", "name": "no-way"}, "spec": spec}
            world = World((PolicyPod("default", "leased", {}, ()),), {}, (policy,))
            rig.agent.enforce(compile_node(world, rig.agent.pods.names, ()))
            async with await Wire.connect(port) as wire:
                wire.send(with_password(lease, "10.244.8.1:80"))
                answer = await wire.response()
                assert answer.status == 403
                assert b"NetworkPolicy default/no-way isolates default/leased for egress" in answer.body

    run(main())


def test_a_new_agent_has_the_old_ones_outlet() -> None:
    """As containers have it in their environment."""

    async def main() -> None:
        with TemporaryDirectory(prefix="door") as name:
            ports = []
            for _ in range(2):
                async with running_agent(leases=Path(name)) as rig:
                    ports.append(rig.agent._door.outlets["pods"])
            assert ports[0] == ports[1]
            number = int(ports[0].rpartition(":")[2])
            assert number < 30_000, "no system gives it to another while an agent is started anew"
            async with listening(asyncio.Protocol) as taken:
                Leases(Path(name)).outlet = taken
                async with running_agent(leases=Path(name)) as rig:
                    assert rig.agent._door.outlets["pods"] != f"127.0.0.1:{taken}"

    run(main())


def test_pods_find_an_outlet_though_all_lasting_ports_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with listening(asyncio.Protocol) as taken:
            monkeypatch.setattr(module, "_FIRST_PORT", taken)
            monkeypatch.setattr(module, "_LAST_PORT", taken + 1)
            async with running_agent() as rig:
                assert await rig.agent._door.start_for_pods(0) != taken

    run(main())


def test_a_pod_has_a_limit_of_its_own_and_leaves_the_door_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OF_A_POD", 1)

    async def main() -> None:
        async with with_a_pod() as (rig, lease, port), await Wire.connect(port) as first:
            first.send(with_password(lease, f"{POD}:8080"))
            assert (await first.head()).status == 200
            async with await Wire.connect(port) as second:
                second.send(with_password(lease, f"{POD}:8080"))
                assert (await second.response()).status == 503
            monkeypatch.setattr(module, "MOST_CONNECTIONS", 1)
            async with at_door(rig) as wire:
                await connected(wire, f"{POD}:8080")

    run(main())
