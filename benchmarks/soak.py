"""Mixed load for hours, and memory that stays flat: `python -m benchmarks.soak [--hours 4] [--pace 1]`.

Two nodes on loopback, in this process: random stories (`bronzewillow.testing.lab.scenario`: sizes,
half-closes, resets, slow readers) at a steady rate, each compared byte by byte, beside streams of 150-byte
events that last. A line a minute; exit status 1 when bytes are wrong, when memory grows after the warm-up,
or when something is left at the end. All time is the event loop's, of which `--pace` passes in a second.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import psutil

from benchmarks.pace import PacedLoop
from bronzewillow.host.tasks import spawn
from bronzewillow.testing.lab.scenario import SEED, Scenario, play, scenario
from bronzewillow.testing.overlay import POD, TwoNodes, two_nodes

STORIES, EVENTS = 7000, 7001
OnConnection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_EVENT = b"data: " + b"x" * 142 + b"\n\n"
_STREAMS = 20
_STREAM_EVENTS = 2_000
_LEAST_WARM_UP_S = 150.0  # TIME-WAIT is at its number then
_GROWTH = 0.10
_GROWTH_BYTES = 8 << 20


@dataclass(slots=True)
class Tally:
    """What has happened so far."""

    ends: Counter[str] = field(default_factory=Counter)
    events: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, facts: dict[str, object]) -> None:
        """One end of one story."""
        self.ends[str(facts["end"])] += 1
        if not facts["whole"]:
            self.wrong.append(str(facts))


def story(seed: int) -> Scenario:
    """Of a seed; never so large that it would take the minute for itself."""
    return scenario(seed & ((1 << 62) - 1))


async def serve(nodes: TwoNodes, tally: Tally) -> None:
    """Both kinds of servers on the pod."""

    async def on_story(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seed = SEED.unpack(await reader.readexactly(SEED.size))[0]
        tally.add(dict(await play("server", reader, writer, story(seed))))

    async def on_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(_STREAM_EVENTS):
            writer.write(_EVENT)
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.close()

    for port, on_connection in ((STORIES, on_story), (EVENTS, on_stream)):
        await nodes.server.create_server(partial(protocol, on_connection), POD, port)


def protocol(on_connection: OnConnection) -> asyncio.StreamReaderProtocol:
    """Streams for a connection that comes in."""
    return asyncio.StreamReaderProtocol(asyncio.StreamReader(1 << 16), on_connection)


async def dial(nodes: TwoNodes, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """As asyncio.open_connection, through the overlay."""
    reader = asyncio.StreamReader(1 << 16)
    transport, protocol = await nodes.client.create_connection(
        lambda: asyncio.StreamReaderProtocol(reader), POD, port
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())


async def tell(nodes: TwoNodes, tally: Tally, seed: int) -> None:
    """One story."""
    try:
        async with asyncio.timeout(120):
            reader, writer = await dial(nodes, STORIES)
            writer.write(SEED.pack(seed))
            tally.add(dict(await play("client", reader, writer, story(seed))))
    except (OSError, TimeoutError) as error:
        tally.wrong.append(f"{story(seed)}: {type(error).__name__} {error}")


async def stream(nodes: TwoNodes, tally: Tally, until: float) -> None:
    """Streams of events, one after the other."""
    while asyncio.get_running_loop().time() < until:
        reader, writer = await dial(nodes, EVENTS)
        received = 0
        while data := await reader.read(65_536):
            received += len(data)
        writer.close()
        tally.events += received // len(_EVENT)
        if received != _STREAM_EVENTS * len(_EVENT):
            tally.wrong.append(f"a stream ended after {received} bytes")


async def soak(seconds: float, per_second: float) -> int:
    """The exit status."""
    process, tally, rng = psutil.Process(), Tally(), random.Random(1)
    loop = asyncio.get_running_loop()
    async with two_nodes() as nodes:
        await serve(nodes, tally)
        began = loop.time()
        until = began + seconds
        warm_at = began + max(_LEAST_WARM_UP_S, seconds / 10)
        streams = [spawn(stream(nodes, tally, until), name=f"stream {n}") for n in range(_STREAMS)]
        tellers: set[asyncio.Task[None]] = set()
        warm = 0
        next_line = began
        while (now := loop.time()) < until:
            memory = process.memory_info().rss
            if not warm and now >= warm_at:
                warm = memory
            if now >= next_line:
                next_line += 60
                print(line(now - began, tally, memory, nodes), flush=True)
            task = spawn(tell(nodes, tally, rng.getrandbits(62)), name="story")
            tellers.add(task)
            task.add_done_callback(tellers.discard)
            await asyncio.sleep(1 / per_second)
        await asyncio.gather(*streams, *tellers)
        for _ in range(100):  # the last FINs are on their way
            if not nodes.client.open_connections:
                break
            await asyncio.sleep(0.1)
        end = process.memory_info().rss
        print(line(loop.time() - began, tally, end, nodes), flush=True)
        return verdict(tally, warm, end, nodes)


def line(elapsed: float, tally: Tally, memory: int, nodes: TwoNodes) -> str:
    """What a minute looks like."""
    open_now = nodes.server.open_connections + nodes.client.open_connections
    ends = ", ".join(f"{name} {count}" for name, count in sorted(tally.ends.items()))
    wrong = len(tally.wrong)
    return (
        f"{elapsed / 60:7.1f} min  {memory / 1e6:7.1f} MB  {open_now:4} open  "
        f"{tally.events:9} events  {wrong} wrong  {ends}"
    )


def verdict(tally: Tally, warm: int, end: int, nodes: TwoNodes) -> int:
    """0, or 1 and why."""
    problems = tally.wrong[:10]
    if warm and end > warm * (1 + _GROWTH) + _GROWTH_BYTES:
        problems.append(f"memory grew from {warm / 1e6:.1f} MB to {end / 1e6:.1f} MB")
    if not warm:
        print(f"memory was not judged: less than {_LEAST_WARM_UP_S:.0f} s", file=sys.stderr)
    if left := nodes.client.open_connections:
        problems.append(f"{left} connections are left")
    for problem in problems:
        print(f"soak: {problem}", file=sys.stderr)
    return 1 if problems else 0


def main() -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(prog="soak", description="mixed load for hours")
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--connections", type=float, default=20.0, help="new ones a second")
    parser.add_argument(
        "--pace", type=float, default=1.0, help="seconds of the loop's clock in one of the wall's"
    )
    arguments = parser.parse_args()
    if arguments.pace <= 0:
        parser.error("--pace must be more than 0")
    with asyncio.Runner(loop_factory=lambda: PacedLoop(arguments.pace)) as runner:
        return runner.run(soak(arguments.hours * 3600, arguments.connections))


if __name__ == "__main__":
    raise SystemExit(main())
