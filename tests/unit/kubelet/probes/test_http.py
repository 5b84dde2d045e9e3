"""httpGet against a real server, through a door."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bronzewillow.testing.aio import run
from bronzewillow.testing.leaping_loop import run_leaping
from bronzewillow.testing.loopback import Wire, unix_server
from bronzewillow.testing.ports import free_tcp_port
from kubelet.model.outcomes import Probed, ProbeResult
from kubelet.probes.door import Door
from kubelet.probes.http import USER_AGENT, headers_of, http_hook, http_probe, url_of

from ..conftest import door_double

pytestmark = pytest.mark.loopback
ADDRESS = "10.244.7.5"


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    match request.path:
        case "/status":
            return web.Response(status=int(request.query["code"]))
        case "/headers":
            return web.json_response({name: request.headers.getall(name) for name in request.headers})
        case "/again":
            raise web.HTTPFound("/again")
        case "/elsewhere":
            raise web.HTTPFound("http://example.com/")
        case "/moved":
            raise web.HTTPFound("/status?code=200")
        case "/long":
            return web.Response(text="x" * 50_000)
        case "/cut":
            assert request.transport is not None
            request.transport.abort()
    return web.Response(text="ok")


@asynccontextmanager
async def server(context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := free_tcp_port(), ssl_context=context)
    await site.start()
    try:
        yield port
    finally:
        await runner.cleanup()


async def probed(path: str, timeout_s: float = 60, **action: Any) -> Probed:
    async with server() as port, door_double() as door:
        found = await http_probe(door, ADDRESS, {"path": path, "port": port, **action}, {}, timeout_s)
        return Probed(found.result, found.output.replace(str(port), "PORT"))


@pytest.mark.parametrize(
    ("path", "result", "output"),
    [
        ("/", "successful", "ok"),
        ("", "successful", "ok"),
        ("/status?code=399", "successful", ""),
        ("/status?code=400", "failed", "HTTP probe failed with statuscode: 400"),
        ("/status?code=503", "failed", "HTTP probe failed with statuscode: 503"),
        ("/moved", "successful", ""),
        ("/again", "failed", f'Get "http://{ADDRESS}:PORT/again": stopped after 10 redirects'),
        ("/cut", "failed", f'Get "http://{ADDRESS}:PORT/cut": EOF'),
    ],
)
def test_answers(path: str, result: str, output: str) -> None:
    assert run(probed(path)) == Probed(ProbeResult(result), output)


def test_a_way_to_another_host_is_a_warning() -> None:
    found = run(probed("/elsewhere"))
    assert found.result is ProbeResult.WARNING
    assert found.output.startswith("Probe terminated redirects, Response body: ")


def test_a_long_answer_is_read_in_part() -> None:
    assert len(run(probed("/long")).output) <= 10 << 10


def test_nobody_listens() -> None:
    async def main() -> Probed:
        async with door_double("connection refused") as door:
            return await http_probe(door, ADDRESS, {"path": "/h", "port": 81}, {}, 60)

    found = run(main())
    assert found.result is ProbeResult.FAILURE
    assert found.output == f'Get "http://{ADDRESS}:81/h": dial tcp {ADDRESS}:81: connect: connection refused'


def test_a_server_that_says_nothing() -> None:
    async def main() -> Probed:
        async with door_double() as door:
            path = door.path.with_name("silent")
            async with unix_server(str(path), let_in):
                return await http_probe(Door(path), ADDRESS, {"port": 80}, {}, 60)

    async def let_in(wire: Wire) -> None:
        await wire.head()
        wire.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await wire.rest()

    found = run_leaping(main(), 1000)
    assert found.result is ProbeResult.FAILURE
    assert found.output.endswith("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")


def test_headers() -> None:
    found = headers_of(
        {"httpHeaders": [{"name": "host", "value": "x"}, {"name": "accept", "value": ""}]}, "a"
    )
    assert found == [("User-Agent", USER_AGENT), ("host", "x"), ("Connection", "close")]
    assert headers_of({"httpHeaders": [{"name": "Host", "value": ""}]}, "a")[0] == ("Host", "a")
    told = run(probed("/headers", httpHeaders=[{"name": "X-A", "value": "1"}])).output
    assert '"X-A": ["1"]' in told
    assert f'"User-Agent": ["{USER_AGENT}"]' in told
    assert '"Accept": ["*/*"]' in told
    assert "Accept-Encoding" not in told
    assert f'"Host": ["{ADDRESS}:' in told


def test_a_header_that_cannot_be_sent() -> None:
    found = run(probed("/", httpHeaders=[{"name": "X-A", "value": "1\n2"}]))
    assert found.result is ProbeResult.FAILURE
    assert "net/http: invalid header field value" in found.output


def test_urls() -> None:
    container = {"ports": [{"name": "web", "containerPort": 9000}]}
    action = {"host": "10.0.0.9", "scheme": "HTTPS", "path": "health?a=b c", "port": "web"}
    assert str(url_of(ADDRESS, action, container)) == "https://10.0.0.9:9000/health?a=b+c"


def test_any_answer_is_good_enough_for_a_hook() -> None:
    async def main() -> None:
        async with server() as port, door_double() as door:
            assert await http_hook(door, ADDRESS, {"path": "/status?code=500", "port": port}, {}, 60) == ""
        async with door_double("connection refused") as door:
            told = await http_hook(door, ADDRESS, {"port": 81}, {}, 60)
            assert told.endswith("connect: connection refused")

    run(main())


def test_tls_is_spoken_with_whoever_is_there(tmp_path: Path) -> None:
    async def main() -> Probed:
        certificate = tmp_path / "tls.pem"
        certificate.write_bytes(self_signed_pem())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        async with server(context) as port, door_double() as door:
            return await http_probe(door, ADDRESS, {"port": port, "scheme": "HTTPS"}, {}, 60)

    assert run(main()) == Probed(ProbeResult.SUCCESS, "ok")


def self_signed_pem() -> bytes:
    """Key and certificate of somebody else, long expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2001, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    return key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem)
