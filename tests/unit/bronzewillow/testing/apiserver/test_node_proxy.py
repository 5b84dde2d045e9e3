from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bronzewillow.kube.access import Presented
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import BadRequest, NotFound, Unavailable
from bronzewillow.kube.resources import NODES, PODS
from bronzewillow.kube.tls import client_context, load_pair
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.authority import Subject
from bronzewillow.testing.apiserver.server import ApiServer, api_server

pytestmark = pytest.mark.loopback


async def _log(request: web.Request) -> web.Response:
    if "previous" in request.query:
        raise web.HTTPBadRequest(text='previous terminated container "c" in pod "a" not found')
    return web.Response(text=f"{request.path}?{request.query_string}")


async def _upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + head.split(b"\r\n")[0] + b"\r\n")
    writer.write(await reader.readexactly(4))
    writer.close()


def node_context(server: ApiServer) -> ssl.SSLContext:
    pair = server.authority.issue(Subject("mac", addresses=("127.0.0.1",)), server=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=server.authority.ca_pem.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    load_pair(context, pair.certificate_pem, pair.key_pem)
    return context


def register(server: ApiServer, port: int) -> None:
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    server.make(NODES, {"metadata": {"name": "mac"}, "status": status})
    containers = [{"name": "c", "image": "i"}]
    for name, node in (("a", "mac"), ("unbound", "")):
        spec = {"containers": containers, **({"nodeName": node} if node else {"schedulerName": "nobody"})}
        server.make(PODS, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})


@asynccontextmanager
async def http_node() -> AsyncIterator[tuple[ApiServer, KubeClient]]:
    async with api_server() as server, KubeClient(server.admin()) as client:
        app = web.Application()
        app.router.add_get("/{path:.*}", _log)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=node_context(server))
        await site.start()
        register(server, runner.addresses[0][1])
        yield server, client
        await runner.cleanup()


async def read(client: KubeClient, path: str, **query: str) -> str:
    async with client.stream(path, query=query) as pieces:
        return b"".join([piece async for piece in pieces]).decode()


def test_logs_come_from_the_node() -> None:
    async def main() -> None:
        async with http_node() as (_, client):
            path = PODS.path("default", "a", "log")
            found = await read(client, path, tailLines="5", timestamps="true", pretty="x")
            assert found == "/containerLogs/default/a/c?timestamps=true&tailLines=5"
            with pytest.raises(BadRequest, match="previous terminated container"):
                await read(client, path, previous="true")
            with pytest.raises(BadRequest, match="container x is not valid for pod a"):
                await read(client, path, container="x")
            assert await read(client, PODS.path("default", "unbound", "log")) == ""
            with pytest.raises(NotFound):
                await read(client, PODS.path("default", "gone", "log"))

    run(main())


def test_the_nodes_own_api() -> None:
    async def main() -> None:
        async with http_node() as (server, client):
            assert await read(client, "/api/v1/nodes/mac/proxy/stats/summary", x="1") == "/stats/summary?x=1"
            server.make(NODES, {"metadata": {"name": "mute"}})
            with pytest.raises(Unavailable, match="no preferred addresses found"):
                await read(client, "/api/v1/nodes/mute/proxy/healthz")

    run(main())


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (
            "exec?command=sh&command=-c&stdin=true&stdout=1&tty=0",
            "/exec/default/a/c?input=1&output=1&command=sh&command=-c",
        ),
        ("attach?stdout=true&container=c", "/attach/default/a/c?output=1"),
        ("portforward", "/portForward/default/a"),
        ("portforward?ports=80,81", "/portForward/default/a?port=80&port=81"),
    ],
)
def test_upgrades_go_through(asked: str, sent: str) -> None:
    async def main() -> None:
        async with api_server() as server:
            node = await asyncio.start_server(_upgrade, "127.0.0.1", 0, ssl=node_context(server))
            register(server, node.sockets[0].getsockname()[1])
            answer = await upgrade(server, f"/api/v1/namespaces/default/pods/a/{asked}")
            assert answer == f"HTTP/1.1 101 Switching Protocols\r\n\r\nPOST {sent} HTTP/1.1\r\nping".encode()
            node.close()

    run(main())


def test_upgrades_that_are_refused() -> None:
    async def main() -> None:
        async with api_server() as server:
            register(server, 1)
            base = "/api/v1/namespaces/default/pods"
            for path, words in (
                (f"{base}/a/exec?command=x", b"HTTP/1.1 400 BadRequest"),
                (f"{base}/a/exec?command=x&stdout=1", b"HTTP/1.1 500 InternalError"),
                (f"{base}/unbound/attach?stdout=1", b"does not have a host assigned"),
                (f"{base}/gone/attach?stdout=1", b"HTTP/1.1 404 NotFound"),
                (f"{base}/a/status", b"Upgrade request required"),
            ):
                assert words in await upgrade(server, path)

    run(main())


async def upgrade(server: ApiServer, path: str) -> bytes:
    server.admin()
    context = client_context(server.cluster, Presented())
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin-token\r\n"
    writer.write(f"{head}Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nping".encode())
    answer = await reader.read()
    writer.close()
    return answer
