"""Certificates are renewed under a server that runs."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from kubelet.server.tls import ServingTls

from .conftest import Authority

pytestmark = pytest.mark.loopback


async def shown(port: int, authority: Authority) -> str:
    context = ssl.create_default_context(cadata=authority.pem)
    context.check_hostname = False
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="mac-1")
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(certificate).subject.rfc4514_string()


def test_the_next_handshake_shows_what_was_reloaded(tmp_path: Path) -> None:
    async def run() -> None:
        authority = Authority("ca")
        old = authority.pair(tmp_path / "old.pem", "old", client=False)
        new = authority.pair(tmp_path / "new.pem", "new", client=False)
        tls = ServingTls(old, authority.pem)
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=tls.context)
        port = server.sockets[0].getsockname()[1]
        assert await shown(port, authority) == "CN=old"
        tls.show(new)
        assert await shown(port, authority) == "CN=new"
        with pytest.raises(OSError):
            tls.show(tmp_path / "none.pem")
        assert await shown(port, authority) == "CN=new"
        server.close()

    asyncio.run(run())


async def is_let_in(port: int, authority: Authority, pair: Path) -> bool:
    context = ssl.create_default_context(cadata=authority.pem)
    context.check_hostname = False
    context.load_cert_chain(pair)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        told = await reader.read()
    except (ConnectionError, ssl.SSLError):
        return False
    writer.transport.abort()
    return told == b"hello"


def test_the_next_handshake_trusts_whom_it_was_told_to(tmp_path: Path) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    async def run() -> None:
        old, new = Authority("ca"), Authority("another-ca")
        alice, bob = old.pair(tmp_path / "alice.pem", "alice"), new.pair(tmp_path / "bob.pem", "bob")
        tls = ServingTls(old.pair(tmp_path / "own.pem", "own", client=False), old.pem)
        server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=tls.context)
        port = server.sockets[0].getsockname()[1]
        assert await is_let_in(port, old, alice)
        assert not await is_let_in(port, old, bob)
        tls.trust(new.pem)
        assert not await is_let_in(port, old, alice)
        assert await is_let_in(port, old, bob)
        with pytest.raises(ssl.SSLError):
            tls.trust("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
        tls.show(tmp_path / "own.pem")
        assert await is_let_in(port, old, bob)
        server.close()

    asyncio.run(run())
