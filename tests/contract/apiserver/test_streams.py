"""What the API server passes on to the node: logs, exec, attach, port-forward."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from bronzewillow.kube.access import Presented
from bronzewillow.kube.errors import BadRequest, NotFound, StatusError
from bronzewillow.kube.resources import PODS
from bronzewillow.kube.tls import client_context, load_pair
from bronzewillow.testing.apiserver.authority import Authority, Subject

from .conftest import Play
from .scene import Scene

pytestmark = pytest.mark.loopback


def context(scene: Scene) -> ssl.SSLContext:
    """Of a node that was not approved yet: its certificate is its own, and it asks for one."""
    pair = Authority("self").issue(Subject(scene.node, addresses=("127.0.0.1",)), server=True)
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=scene.plane.cluster.ca_pem.decode())
    made.verify_mode = ssl.CERT_REQUIRED
    load_pair(made, pair.certificate_pem, pair.key_pem)
    return made


class Node:
    """Answers, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.subjects: list[object] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.path}?{request.query_string}")
        assert request.transport is not None
        self.subjects.append(request.transport.get_extra_info("peercert")["subject"])
        if "previous" in request.query:
            raise web.HTTPBadRequest(text='previous terminated container "c" in pod "a" not found')
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        for line in (b"one\n", b"two\n"):
            await response.write(line)
        return response

    async def upgrade(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head.split("\r\n")[0])
        names = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        self.subjects.append(names.get("authorization"))
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
            b"X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n"
        )
        writer.write(b"got " + await reader.readexactly(4))
        await writer.drain()
        writer.close()
        with suppress(OSError, ssl.SSLError):
            await writer.wait_closed()


@asynccontextmanager
async def serving(scene: Scene) -> AsyncIterator[Node]:
    node = Node()
    app = web.Application()
    app.router.add_get("/{path:.*}", node.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context(scene)).start()
    await scene.make_node(runner.addresses[0][1])
    try:
        yield node
    finally:
        await runner.cleanup()


async def log(scene: Scene, **query: str) -> str:
    async with scene.admin.stream(PODS.path(scene.namespace, "a", "log"), query=query) as pieces:
        return b"".join([piece async for piece in pieces]).decode()


def test_logs(play: Play) -> None:
    async def body(scene: Scene) -> None:
        async with serving(scene) as node:
            await scene.make_pod()
            assert await log(scene, follow="true", tailLines="5", timestamps="true") == "one\ntwo\n"
            [asked] = node.asked
            assert asked.startswith(f"/containerLogs/{scene.namespace}/a/c?")
            assert {*asked.partition("?")[2].split("&")} == {"follow=true", "tailLines=5", "timestamps=true"}
            names = {pair for rdn in node.subjects[0] for pair in rdn}  # type: ignore[attr-defined]
            assert ("commonName", "kube-apiserver-kubelet-client") in names
            with pytest.raises(BadRequest, match="previous terminated container"):
                await log(scene, previous="true")

    play(body)


def test_logs_of_what_is_not_there(play: Play) -> None:
    async def body(scene: Scene) -> None:
        with pytest.raises(NotFound, match='pods "a" not found'):
            await log(scene)
        await scene.make_pod(bound=False, containers=[{"name": n, "image": "i"} for n in "cd"])
        with pytest.raises(
            BadRequest, match=r"a container name must be specified for pod a, choose one of: \[c d\]"
        ):
            await log(scene)
        with pytest.raises(BadRequest, match="container x is not valid for pod a"):
            await log(scene, container="x")
        assert await log(scene, container="c") == ""

    play(body)


def test_a_node_that_is_away(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.make_node(port=1)
        await scene.make_pod()
        with pytest.raises(StatusError) as caught:
            await log(scene)
        assert caught.value.code == 500

    play(body)


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (
            "exec?command=sh&command=-c&stdin=true&stdout=true",
            "/exec/{}/a/c?command=sh&command=-c&input=1&output=1",
        ),
        ("attach?stdout=true&container=c", "/attach/{}/a/c?output=1"),
        ("portforward", "/portForward/{}/a"),
    ],
)
def test_upgrades_are_passed_on(play: Play, asked: str, path: str) -> None:
    async def body(scene: Scene) -> None:
        node = Node()
        server = await asyncio.start_server(node.upgrade, "127.0.0.1", 0, ssl=context(scene))
        await scene.make_node(server.sockets[0].getsockname()[1])
        await scene.make_pod()
        answer = await upgrade(scene, asked)
        assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert b"X-Stream-Protocol-Version: v4.channel.k8s.io\r\n" in answer
        assert answer.endswith(b"\r\n\r\ngot ping")
        method, target, _ = node.asked[0].split(" ")
        where, _, query = target.partition("?")
        expected, _, options = path.format(scene.namespace).partition("?")
        assert (method, where, sorted(query.split("&"))) == ("POST", expected, sorted(options.split("&")))
        assert node.subjects == [None]  # who the client is ends at the API server
        server.close()

    play(body)


def test_upgrades_that_are_refused(play: Play) -> None:
    async def body(scene: Scene) -> None:
        assert b" 404 " in (await upgrade(scene, "attach?stdout=true")).split(b"\r\n")[0]
        await scene.make_pod(bound=False)
        assert b"does not have a host assigned" in await upgrade(scene, "attach?stdout=true")
        stranger = await upgrade(scene, "portforward", scene.plane.certified("stranger"))
        assert b" 403 " in stranger.split(b"\r\n")[0]

    play(body)


async def upgrade(scene: Scene, asked: str, access: object = None) -> bytes:
    presented: Presented = await (access or scene.plane.admin()).identity.present()  # type: ignore[attr-defined]
    connection = client_context(scene.plane.cluster, presented)
    address = scene.plane.cluster.server.rpartition("//")[2].split(":")
    reader, writer = await asyncio.open_connection(address[0], int(address[1]), ssl=connection)
    lines = [
        f"POST /api/v1/namespaces/{scene.namespace}/pods/a/{asked} HTTP/1.1",
        "Host: x",
        *([f"Authorization: Bearer {presented.token}"] if presented.token else []),
        "Connection: Upgrade",
        "Upgrade: SPDY/3.1",
        "X-Stream-Protocol-Version: v4.channel.k8s.io",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head:
            return head + await reader.read(4096)
        writer.write(b"ping")
        return head + await reader.readexactly(8)
    finally:
        writer.transport.abort()
