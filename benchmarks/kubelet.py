"""llm-kubelet with fifty pods: its memory, its CPU at rest, and how soon a change shows in the API server.

Pods serve by the engine that needs no model; the API server is the one in memory.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from pathlib import Path

import psutil

from bronzewillow.host.paths import door_socket
from bronzewillow.kube.resources import PODS, Object
from bronzewillow.testing.gguf import emit_gguf, random_tensor
from bronzewillow.testing.joinable import NODE, TOKEN, Joinable, joinable
from bronzewillow.testing.node_processes import NodeProcesses, node_processes
from bronzewillow.testing.ports import free_tcp_port
from kubelet.certificates.token import parse_token
from kubelet.clock import SystemClock
from kubelet.membership.home import Home
from kubelet.membership.join import ByToken, join

PODS_MADE = 50
_REST_S = 120.0
_LATENCIES = 10


def _pod(name: str) -> Object:
    probe = {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 10}
    container = {
        "name": "llm", "image": "tiny", "imagePullPolicy": "IfNotPresent", "args": ["--engine", "echo"],
        "ports": [{"containerPort": 8080}], "readinessProbe": probe, "livenessProbe": probe,
    }  # fmt: skip
    metadata = {"name": name, "namespace": "default"}
    spec = {"nodeName": NODE, "terminationGracePeriodSeconds": 2, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _is_ready(found: Object | None) -> bool:
    conditions = ((found or {}).get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


async def _until_ready(cluster: Joinable, name: str) -> None:
    while not _is_ready(cluster.server.store.get(PODS, "default", name)):  # noqa: ASYNC110
        await asyncio.sleep(0.002)


async def _latency(cluster: Joinable, node: NodeProcesses, name: str) -> float:
    """Milliseconds from the end of a container to the API server's knowing of it."""
    found = cluster.server.store.get(PODS, "default", name)
    assert found is not None
    container = found["status"]["containerStatuses"][0]["containerID"].removeprefix("runm://")
    victim = next(one for one in node.left_processes() if container[:12] in " ".join(one.cmdline()))
    begin = time.perf_counter()
    victim.kill()
    while _is_ready(cluster.server.store.get(PODS, "default", name)):  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return (time.perf_counter() - begin) * 1e3


async def _measure(node: NodeProcesses) -> None:
    async with joinable() as cluster:
        home = node.folder / "home"
        how = ByToken(cluster.server.cluster.server, parse_token(TOKEN), ())
        await join(how, NODE, Home(home), SystemClock(), lambda line: None)
        door = door_socket(node.runtime_folder / "agent.sock")
        with (node.folder / "kubelet.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "kubelet", "run", "--home", str(home), "--cri", str(node.cri),
                "--door", str(door), "--port", str(free_tcp_port()), "--node-ip", "127.0.0.1",
                stderr=log, env=node.environment,
            )  # fmt: skip
        seen = psutil.Process(process.pid)
        try:
            begin = time.perf_counter()
            for number in range(PODS_MADE):
                await cluster.admin.create(PODS, _pod(f"p{number}"))
            for number in range(PODS_MADE):
                await _until_ready(cluster, f"p{number}")
            print(f"{PODS_MADE} pods ready after {time.perf_counter() - begin:.1f} s")
            await asyncio.sleep(15)
            before, begin = seen.cpu_times(), time.perf_counter()
            await asyncio.sleep(_REST_S)
            after, seconds = seen.cpu_times(), time.perf_counter() - begin
            used = after.user + after.system - before.user - before.system
            print(
                f"at rest: {seen.memory_info().rss / 2**20:.0f} MiB, {used:.2f} s of CPU in {seconds:.0f} s, "
                f"{100 * used / seconds:.2f} % of a core"
            )
            waits = [await _latency(cluster, node, f"p{number}") for number in range(_LATENCIES)]
            median, most = statistics.median(waits), max(waits)
            print(f"an end in the API server: median {median:.0f} ms, most {most:.0f} ms")
        finally:
            process.kill()
            await process.wait()


def main() -> None:
    """Print a few lines."""
    with node_processes() as node:
        model = Path(node.folder) / "tiny.gguf"
        tensors = {"token_embd.weight": random_tensor(random.Random(1), 8, 8)}
        model.write_bytes(emit_gguf({"general.architecture": "llama"}, tensors))
        node.run("runtime.runm", "create", "tiny", "--model", str(model))
        node.start_agent()
        node.start_runtime()
        asyncio.run(_measure(node))


if __name__ == "__main__":
    main()
