from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding

from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import Wire
from kubelet.certificates.errors import InvalidArgument
from kubelet.certificates.pairs import key_pem
from kubelet.certificates.requests import client_request, request_pem, serving_request
from kubelet.certificates.self_signed import self_signed_pem
from kubelet.certificates.serving_tls import ServingTls

from .conftest import Authority, tls_server

pytestmark = pytest.mark.loopback
REQUEST = serving_request("mac-1", ("mac-1",), ("127.0.0.1",))


def pair(folder: Path, name: str, authority: Authority | None = None) -> Path:
    """A serving certificate with its key, of `authority` or of itself."""
    key = generate_private_key(SECP256R1())
    now = datetime.now(UTC)
    if authority is None:
        certificate = self_signed_pem(REQUEST, key, now)
    else:
        certificate = authority.sign(request_pem(REQUEST, key), now, timedelta(days=1))
    path = folder / name
    path.write_bytes(certificate + key_pem(key))
    return path


def client_context(folder: Path, authority: Authority | None = None) -> ssl.SSLContext:
    """Believes anybody; shows a certificate of `authority`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if authority is not None:
        key = generate_private_key(SECP256R1())
        signed = authority.sign(
            request_pem(client_request("caller"), key), datetime.now(UTC), timedelta(days=1)
        )
        (folder / "client.pem").write_bytes(signed + key_pem(key))
        context.load_cert_chain(folder / "client.pem")
    return context


@asynccontextmanager
async def serving(tls: ServingTls) -> AsyncIterator[int]:
    """Tells each client who it is, line by line."""

    async def answer(wire: Wire) -> None:
        shown = wire.writer.get_extra_info("peercert") or {}
        names = [value for part in shown.get("subject", ()) for key, value in part if key == "commonName"]
        while await wire.reader.readline():
            wire.send(",".join(names).encode() + b"\n")

    async with tls_server(tls.context, answer) as port:
        yield port


async def connected(port: int, context: ssl.SSLContext, name: str | None = None) -> Wire:
    return Wire(*await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name))


async def ask(wire: Wire) -> tuple[str, bytes]:
    """Who the server takes us for, and what it has shown; ConnectionError when it has hung up."""
    wire.send(b"who\n")
    try:
        name = await wire.until(b"\n")
    except (ssl.SSLError, asyncio.IncompleteReadError) as error:
        raise ConnectionError from error
    return name.decode().strip(), wire.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)


def shown_by(path: Path) -> bytes:
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


def test_another_certificate_is_shown_to_new_clients_and_old_ones_stay(
    tmp_path: Path, authority: Authority
) -> None:
    async def main() -> None:
        own, signed = pair(tmp_path, "own.pem"), pair(tmp_path, "signed.pem", authority)
        tls = ServingTls()
        tls.use(own)
        anybody = client_context(tmp_path)
        async with serving(tls) as port, await connected(port, anybody) as old:
            assert await ask(old) == ("", shown_by(own))
            tls.use(signed)
            async with (
                await connected(port, anybody) as new,
                await connected(port, anybody, "mac-1") as named,
            ):
                assert await ask(new) == await ask(named) == ("", shown_by(signed))
                assert await ask(old) == ("", shown_by(own))

    run(main())


def test_authorities_of_clients_can_change(
    tmp_path: Path, authority: Authority, another_authority: Authority
) -> None:
    async def main() -> None:
        tls = ServingTls()
        tls.use(pair(tmp_path, "own.pem"))
        context = client_context(tmp_path, authority)

        async def name() -> str:
            async with await connected(port, context) as wire:
                return (await ask(wire))[0]

        async with serving(tls) as port:
            with pytest.raises(ConnectionError):
                await name()
            tls.trust(authority.pem)
            async with await connected(port, context) as first:
                assert (await ask(first))[0] == "system:node:caller"
                tls.trust(another_authority.pem)
                assert (await ask(first))[0] == "system:node:caller"
                with pytest.raises(ConnectionError):
                    await name()
            tls.trust(another_authority.pem + authority.pem)
            assert await name() == "system:node:caller"

    run(main())


def test_what_cannot_be_used_leaves_all_as_it_was(tmp_path: Path) -> None:
    tls = ServingTls()
    tls.use(pair(tmp_path, "own.pem"))
    with pytest.raises(InvalidArgument, match="none"):
        tls.use(tmp_path / "none.pem")
    with pytest.raises(InvalidArgument, match="authorities"):
        tls.trust(b"no PEM")
