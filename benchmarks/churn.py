"""What a large and restless cluster costs the agent: CPU, memory, and the delay of packets.

    python -m benchmarks.churn [--nodes 500] [--endpoints 20000] [--changes 50] [--seconds 60]

An API server in memory has a Flannel cluster of that size, with a pod behind every endpoint, and changes it.
One agent follows it; beside it, in the same run, one with a static configuration. A third process sends each
of them an ICMP echo request every few milliseconds through VXLAN: while the one reads the cluster for the
first time, while the cluster rests, and while it changes. What the static agent shows is the machine; what
the other shows beyond that is the cluster.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from benchmarks.churn_cluster import LargeCluster
from bronzewillow.agent.asking import get_json
from bronzewillow.kube.kubeconfig import emit_kubeconfig
from bronzewillow.testing.apiserver.server import api_server
from bronzewillow.testing.ports import free_udp_port

_REST_S = 10.0
_FIRST_S = 20.0
_PYTHON = (*(("nice", "-n", "-15") if os.geteuid() == 0 else ()), sys.executable)
"""Who is measured goes before who churns, and before what else the machine does: for both agents alike."""
_STATIC = """\
[overlay]
encap = "vxlan"
address = "127.0.0.3"
port = {port}
vni = 1
pod_cidr = "10.244.7.0/24"
mac = "02:00:00:00:00:07"
[[overlay.peers]]
name = "worker-0"
address = "127.0.0.2"
port = {port}
mac = "02:aa:aa:00:00:00"
pod_cidrs = ["10.244.0.0/24"]
"""


class Follower:
    """An agent in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, control: Path) -> None:
        self.process, self.control = process, control
        self._seen = psutil.Process(process.pid)

    async def status(self) -> Any:
        """What it tells of itself."""
        return await get_json(self.control, "/status")

    def cpu_s(self) -> float:
        """User and system time so far."""
        times = self._seen.cpu_times()
        return float(times.user + times.system)

    def memory_mib(self) -> float:
        """Resident."""
        return float(self._seen.memory_info().rss / 2**20)


@asynccontextmanager
async def agent(folder: Path, name: str, *words: str) -> AsyncIterator[Follower]:
    """Until it is ready."""
    control = folder / f"{name}.sock"
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / name), "XDG_RUNTIME_DIR": str(folder)}
    process = await asyncio.create_subprocess_exec(
        *_PYTHON, "-m", "bronzewillow", "agent", *words, "--control", str(control),
        "--node-name", "mac-1", "--drain", "0", stderr=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    stderr = process.stderr
    assert stderr is not None
    begin = time.perf_counter()
    reading = None
    try:
        while (line := await stderr.readline()) != b"ready\n":
            if not line:
                raise SystemExit(f"{name}: the agent has ended")
        reading = asyncio.create_task(_drain(stderr))
        print(f"{name}: ready after {time.perf_counter() - begin:.1f} s")
        yield Follower(process, control)
    finally:
        process.kill()
        await process.wait()
        if reading is not None:
            await reading


async def _drain(stream: asyncio.StreamReader) -> None:
    """A pipe that nobody reads would stop who writes into it."""
    while line := await stream.readline():
        if b" INFO " not in line:
            print(line.decode().rstrip())


async def delays(ports: tuple[int, int], seconds: float) -> list[dict[str, float]]:
    """Of both agents' answers, in ms."""
    process = await asyncio.create_subprocess_exec(
        *_PYTHON, "-m", "benchmarks.churn_pinger", *map(str, ports), str(seconds),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    found: list[dict[str, float]] = json.loads(out)
    return found


async def measure(arguments: argparse.Namespace, folder: Path) -> None:
    """Print a table."""
    ports = free_udp_port("127.0.0.2"), free_udp_port("127.0.0.3")
    rng = random.Random(1)
    async with api_server() as server:
        cluster = LargeCluster(server, rng, ports[0])
        begin = time.perf_counter()
        cluster.lay(arguments.nodes, arguments.endpoints)
        print(f"the cluster is laid: {time.perf_counter() - begin:.1f} s")
        server.admin()
        (folder / "token").write_text("admin-token")
        (folder / "kubeconfig").write_bytes(emit_kubeconfig(server.cluster, token=folder / "token"))
        (folder / "static.toml").write_text(_STATIC.format(port=ports[1]))
        follow = ("--kubeconfig", str(folder / "kubeconfig"), "--outlet", "127.0.0.1:0")
        async with (
            agent(folder, "static", "--config", str(folder / "static.toml")) as static,
            agent(folder, "following", *follow) as following,
        ):
            for what, changes in (("first", 0), ("at rest", 0), ("in churn", arguments.changes)):
                if what == "at rest":
                    await settled(following)
                seconds = arguments.seconds if changes else min(arguments.seconds, _FIRST_S)
                before = static.cpu_s(), following.cpu_s()
                churning = asyncio.ensure_future(cluster.change(changes)) if changes else None
                found = await delays(ports, seconds)
                made = 0
                if churning is not None:
                    churning.cancel()
                    await asyncio.wait([churning])
                    made = cluster.changes
                for name, one, delay, used in zip(
                    ("following", "static"), (following, static), found, reversed(before), strict=True
                ):
                    cpu = 100 * (one.cpu_s() - used) / seconds
                    print(
                        f"{what:9} {name:10} CPU {cpu:5.1f} %  memory {one.memory_mib():4.0f} MiB  delay ms: "
                        f"p50 {delay['p50']:.2f}  p99 {delay['p99']:.2f}  p99.9 {delay['p999']:.2f}  "
                        f"most {delay['most']:.2f}  lost {delay['lost']:.0f} of {delay['sent']:.0f}"
                    )
                if made:
                    print(f"{made} changes in {seconds:.0f} s: {made / seconds:.1f} a second")


async def settled(following: Follower) -> None:
    """Until it has been idle for two seconds."""
    begin = time.perf_counter()
    while True:
        before = following.cpu_s()
        await asyncio.sleep(2)
        if following.cpu_s() - before < 0.2 and time.perf_counter() - begin > _REST_S:
            break
    status = await following.status()
    print(f"following: {len(status['peers'])} peers; settled after {time.perf_counter() - begin:.0f} s")


def main() -> None:
    """Parse, measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=500)
    parser.add_argument("--endpoints", type=int, default=20_000)
    parser.add_argument("--changes", type=int, default=50, help="a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    with TemporaryDirectory(prefix="bw") as folder:
        asyncio.run(measure(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
