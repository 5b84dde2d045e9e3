"""An authority of our own, which signs requests as a cluster does."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bronzewillow.testing.loopback import Serve, Wire
from kubelet.certificates.pairs import key_pem
from kubelet.certificates.requests import request_pem, serving_request

NOW = datetime.datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Authority:
    key: EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def sign(self, request_pem: bytes, not_before: datetime.datetime, lifetime: timedelta) -> bytes:
        request = x509.load_pem_x509_csr(request_pem)
        builder = _builder(
            request.subject, self.certificate.subject, request.public_key(), not_before, lifetime
        )
        for extension in request.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: object,
    not_before: datetime.datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)  # type: ignore[arg-type]
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_before + lifetime)
    )


def make_authority(name: str = "test-ca") -> Authority:
    key = generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2020, 1, 1, tzinfo=UTC)
    builder = _builder(subject, subject, key.public_key(), start, timedelta(days=36500))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Authority(key, builder.sign(key, hashes.SHA256()))


@pytest.fixture(scope="session")
def authority() -> Authority:
    return make_authority()


@pytest.fixture(scope="session")
def another_authority() -> Authority:
    return make_authority("another-ca")


@asynccontextmanager
async def https_server(authority: Authority, answer: Callable[[], object]) -> AsyncIterator[str]:
    """An API server that knows one ConfigMap, with a certificate of `authority`; gives its URL."""

    async def respond(request: web.Request) -> web.Response:
        assert request.path == "/api/v1/namespaces/kube-public/configmaps/cluster-info"
        assert "Authorization" not in request.headers
        found = answer()
        return found if isinstance(found, web.Response) else web.json_response(found)

    app = web.Application()
    app.router.add_get("/{path:.*}", respond)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(authority))
        await site.start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def tls_server(context: ssl.SSLContext, serve: Serve) -> AsyncIterator[int]:
    """Runs `serve` for each connection; gives the port. All connections have ended when it has."""
    running: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        async with Wire(reader, writer) as wire:
            await serve(wire)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*running, return_exceptions=True)


def server_context(authority: Authority) -> ssl.SSLContext:
    key = generate_private_key(SECP256R1())
    request = request_pem(serving_request("api", (), ("127.0.0.1",)), key)
    certificate = authority.sign(request, datetime.datetime.now(UTC) - timedelta(hours=1), timedelta(days=1))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate + key_pem(key))
        file.flush()
        context.load_cert_chain(file.name)
    return context
