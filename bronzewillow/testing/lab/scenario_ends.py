"""Both ends of `scenario`, as programs in a lab's namespaces.

    python -m bronzewillow.testing.lab.scenario_ends server kernel|userspace
    python -m bronzewillow.testing.lab.scenario_ends client AT_ONCE SEED ...

The server runs in the Mac's namespace, on a kernel socket or as the agent's own `Net` in the overlay, and
says a line of JSON for each connection that has ended. The client runs in a pod on the worker and says what
it has seen, how long it took, and in which state the kernel then had its end of the connection.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bronzewillow.agent.addresses import pack_address
from bronzewillow.agent.config import parse_config
from bronzewillow.agent.net import Net
from bronzewillow.testing.lab.config import render
from bronzewillow.testing.lab.plan import MAC_POD, Plan
from bronzewillow.testing.lab.scenario import SEED, Facts, play, scenario

PORT = 7000
_PATIENCE_S = 60.0
_TIME_WAIT = "06"
_STATES = {
    "01": "ESTABLISHED", "02": "SYN_SENT", "04": "FIN_WAIT_1", "05": "FIN_WAIT_2", _TIME_WAIT: "TIME_WAIT",
    "08": "CLOSE_WAIT", "09": "LAST_ACK", "0B": "CLOSING",
}  # fmt: skip


def _say(facts: Mapping[str, object]) -> None:
    sys.stdout.write(f"{json.dumps(facts)}\n")
    sys.stdout.flush()


async def _serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        seed = SEED.unpack(await reader.readexactly(SEED.size))[0]
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
        return
    _say(dict(await play("server", reader, writer, scenario(seed))))


def _protocol() -> asyncio.StreamReaderProtocol:
    return asyncio.StreamReaderProtocol(asyncio.StreamReader(1 << 16), _serve_one)


async def serve(kind: str) -> None:
    """Until killed."""
    if kind == "kernel":
        await asyncio.get_running_loop().create_server(_protocol, MAC_POD, PORT, backlog=128)
    else:
        config = parse_config(render(Plan(relayed=True), ()), "lab", "mac-1")
        net = Net(*config.overlays)
        net.node.add_stack(pack_address(MAC_POD))
        await net.create_server(_protocol, MAC_POD, PORT)
    sys.stderr.write("ready\n")
    sys.stderr.flush()
    await asyncio.Event().wait()


async def _ask_one(seed: int, turn: asyncio.Semaphore) -> dict[str, object]:
    async with turn, asyncio.timeout(_PATIENCE_S):
        started = time.monotonic()
        reader, writer = await asyncio.open_connection(MAC_POD, PORT, limit=1 << 16)
        port = writer.get_extra_info("sockname")[1]
        writer.write(SEED.pack(seed))
        facts: Facts = await play("client", reader, writer, scenario(seed))
        return {**facts, "port": port, "seconds": time.monotonic() - started}


def tcp_states(table: str, remote_port: int) -> dict[int, str]:
    """Local port to state of the connections to `remote_port`, from the text of /proc/net/tcp."""
    states = {}
    for line in table.splitlines()[1:]:
        _, local, remote, state = line.split()[:4]
        if int(remote.rpartition(":")[2], 16) == remote_port:
            states[int(local.rpartition(":")[2], 16)] = _STATES.get(state, state)
    return states


async def ask(seeds: Sequence[int], at_once: int) -> None:
    """All stories, some at once; then how the kernel left them."""
    turn = asyncio.Semaphore(at_once)
    results = await asyncio.gather(*(_ask_one(seed, turn) for seed in seeds))
    states: dict[int, str] = {}
    for _ in range(200):
        before, states = states, tcp_states(Path("/proc/net/tcp").read_text(), PORT)
        if before == states and set(states.values()) <= {"TIME_WAIT"}:
            break  # twice the same: a table that changes while it is read may hide some of its lines
        await asyncio.sleep(0.1)
    for facts in results:
        port = facts.pop("port")
        assert isinstance(port, int)
        _say({**facts, "state": states.get(port, "gone")})


def main() -> None:
    """See the module's text."""
    role, *words = sys.argv[1:]
    numbers = [] if role == "server" else [int(word) for word in words]
    asyncio.run(serve(words[0]) if role == "server" else ask(numbers[1:], at_once=numbers[0]))


if __name__ == "__main__":
    main()
