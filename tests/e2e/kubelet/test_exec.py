"""A program beside a container, through port 10250: over SPDY, as kubectl asks for it, and a WebSocket."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest

from bronzewillow.kube.resources import PODS
from bronzewillow.testing.apiserver.authority import Subject
from bronzewillow.testing.node_processes import NodeProcesses, kill
from runtime.streaming.links import SocketLink
from runtime.streaming.session import Session
from runtime.streaming.spdy import SpdyConnection

from .conftest import PROBES, STORY_S, is_ready, pod
from .joined import JoinedNode, joined

pytestmark = pytest.mark.e2e
SCRIPT = "read word; echo got $word; echo err >&2; exit 3"
ENDED = {"reason": "ExitCode", "message": "3"}


def exec_path(*command: str, stdin: bool = False) -> str:
    """Of the pod's one container."""
    query = [("command", word) for word in command] + [("output", "1"), ("error", "1")]
    return f"/exec/default/tiny/llm?{urlencode(query + ([('input', '1')] if stdin else []))}"


def on_node(processes: NodeProcesses, story: Callable[[JoinedNode, ssl.SSLContext], Awaitable[None]]) -> None:
    """With a pod, whose runtime lets `sh` be run; `story` is given what the API server shows and trusts."""
    kill(processes.runtime)
    processes.extra = ("--allow-exec", "sh")
    processes.start_runtime()

    async def main() -> None:
        async with asyncio.timeout(STORY_S), joined(processes) as node, node.process():
            await node.until_ready()
            await node.until_answering()
            authority = node.cluster.server.authority
            caller = authority.issue(Subject("kube-apiserver-kubelet-client", ("system:masters",)))
            pair = Path(processes.folder) / "caller.pem"
            pair.write_bytes(caller.certificate_pem + caller.key_pem)
            context = ssl.create_default_context(cadata=authority.ca_pem.decode())
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nobody has approved its own
            context.load_cert_chain(pair)
            await node.cluster.admin.create(PODS, pod(container=PROBES))
            await node.cluster.until("tiny", is_ready)
            await story(node, context)
            await node.cluster.admin.delete(PODS, "tiny", "default")
            await node.cluster.until_gone("tiny")
            await node.cluster.until_nothing_runs()

    asyncio.run(main())


def test_over_a_websocket(processes: NodeProcesses) -> None:
    async def story(node: JoinedNode, context: ssl.SSLContext) -> None:
        url = f"https://127.0.0.1:{node.options.port}"
        async with aiohttp.ClientSession(url) as session:
            path = exec_path("sh", "-c", SCRIPT, stdin=True)
            said: dict[int, bytes] = {}
            async with session.ws_connect(path, protocols=["v4.channel.k8s.io"], ssl=context) as socket:
                await socket.send_bytes(b"\x00word\n")
                async for message in socket:
                    said[message.data[0]] = said.get(message.data[0], b"") + message.data[1:]
            assert (said[1], said[2]) == (b"got word\n", b"err\n")
            status = json.loads(said[3])
            assert (status["reason"], status["details"]["causes"]) == ("NonZeroExitCode", [ENDED])
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(exec_path("cat"), protocols=["v4.channel.k8s.io"], ssl=context)
            assert refused.value.status == 403
            stranger = ssl.create_default_context()
            stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
            with pytest.raises(aiohttp.WSServerHandshakeError) as unknown:
                await session.ws_connect(path, protocols=["v4.channel.k8s.io"], ssl=stranger)
            assert unknown.value.status == 401

    on_node(processes, story)


def test_over_spdy(processes: NodeProcesses) -> None:
    async def story(node: JoinedNode, context: ssl.SSLContext) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.options.port, ssl=context)
        head = (
            f"POST {exec_path('sh', '-c', SCRIPT, stdin=True)} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        )
        writer.write(
            f"{head}Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n".encode()
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        client = SpdyConnection(SocketLink(reader, writer), Session(is_client=True))
        reading = asyncio.create_task(client.run())
        streams = {}
        for kind in ("error", "stdin", "stdout", "stderr"):
            streams[kind] = await client.open({"streamtype": kind})
        await streams["stdin"].write(b"word\n")
        said = {}
        for kind in ("stdout", "stderr", "error"):
            said[kind] = b""
            while piece := await streams[kind].read():
                said[kind] += piece
        assert (said["stdout"], said["stderr"]) == (b"got word\n", b"err\n")
        assert json.loads(said["error"])["details"]["causes"] == [ENDED]
        reading.cancel()
        writer.close()

    on_node(processes, story)
