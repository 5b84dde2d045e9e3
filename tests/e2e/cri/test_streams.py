"""Streams beside everything else: a model's answers over port-forward, and what a killed daemon leaves."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import psutil
import pytest

from bronzewillow.testing.node_processes import NodeProcesses, kill
from runtime.api import cri_pb2 as api
from runtime.streaming.links import SocketLink
from runtime.streaming.session import Session
from runtime.streaming.spdy import SpdyConnection

from .conftest import UP_S, Cluster, cluster_of
from .test_kills import ARGUMENTS, CLIENTS, TOKENS

pytestmark = pytest.mark.e2e
SLEEP = f"sleep {1_000_000 + os.getpid()}"
"""That of another run is not taken for ours."""


@asynccontextmanager
async def spdy(url: str, protocol: str) -> AsyncIterator[SpdyConnection]:
    """As kubectl and crictl begin."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = f"POST {parts.path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
    writer.write(f"{head}X-Stream-Protocol-Version: {protocol}\r\n\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    client = SpdyConnection(SocketLink(reader, writer), Session(is_client=True))
    reading = asyncio.create_task(client.run())
    yield client
    reading.cancel()
    writer.close()


async def answered(client: SpdyConnection, number: int) -> int:
    """The tokens of one whole answer, as the pod's port gave it."""
    headers = {"port": "8080", "requestID": str(number)}
    error = await client.open(headers | {"streamtype": "error"})
    data = await client.open(headers | {"streamtype": "data"})
    question = {"model": "smol", "prompt": "Once upon a time", "stream": True}
    body = json.dumps(question | {"max_tokens": TOKENS, "ignore_eos": True})
    head = "POST /v1/completions HTTP/1.0\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    await data.write((head + body).encode())
    answer = b""
    while piece := await data.read():
        answer += piece
    assert await error.read() == b"" and answer.endswith(b"data: [DONE]\n\n"), answer[-300:]
    return answer.replace(b" ", b"").count(b'"finish_reason":null')


async def exec_of(cluster: Cluster, container: str) -> str:
    request = api.ExecRequest(container_id=container, cmd=["sh", "-c", SLEEP], stdout=True)
    return str((await cluster.runtime.Exec(request)).url)


def sleepers() -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == SLEEP.split()]


async def until_sleepers(count: int) -> None:
    async with asyncio.timeout(UP_S):
        while len(sleepers()) != count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def test_answers_over_port_forward_while_daemons_die(node: NodeProcesses) -> None:
    node.extra = ("--allow-exec", "sh")
    kill(node.runtime)
    node.start_runtime()

    async def main() -> None:
        async with cluster_of(node) as cluster:
            pod = await cluster.run("smol")
            container = await cluster.start(pod, "llm", *ARGUMENTS)
            await cluster.until_up(await cluster.address(pod))
            ports = await cluster.runtime.PortForward(api.PortForwardRequest(pod_sandbox_id=pod))

            # ten answers over one connection, on which the agent's death is not even noticed
            async with spdy(ports.url, "portforward.k8s.io") as client:
                streams = [asyncio.create_task(answered(client, number)) for number in range(CLIENTS)]
                await asyncio.sleep(0.5)
                kill(node.agent)
                assert await asyncio.gather(*streams) == [TOKENS] * CLIENTS
            await asyncio.to_thread(node.start_agent)

            # a program does not outlive its caller, nor llm-containerd's successor's first moment
            for is_killed in (False, True):
                async with spdy(await exec_of(cluster, container), "v4.channel.k8s.io") as client:
                    for kind in ("error", "stdout"):
                        await client.open({"streamtype": kind})
                    await until_sleepers(1)
                    if is_killed:
                        kill(node.runtime)
                        await asyncio.to_thread(node.start_runtime)
                        await until_sleepers(0)
                await until_sleepers(0)
            status = await cluster.status(container)
            assert status.state == api.ContainerState.CONTAINER_RUNNING
            await cluster.remove(pod)

    asyncio.run(main())
    assert not list(node.runtime_folder.glob("pipes-*"))
    assert not list((node.state_folder / "cri/exec").iterdir())
