from __future__ import annotations

import asyncio
import math
import ssl
import subprocess
from pathlib import Path

import aiohttp
import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.leaping_loop import run_leaping
from bronzewillow.testing.ports import free_tcp_port
from bronzewillow.testing.registry import fake_registry
from runtime.images.reference import parse_reference
from runtime.registry.auth import Authorizer
from runtime.registry.backoff import Backoff
from runtime.registry.client import ClientConfig, registry_client
from runtime.registry.credentials import Credentials
from runtime.registry.errors import AccessDenied, BadAnswer, NotThere, RegistryError, Unreachable
from runtime.registry.hosts import Hosts
from runtime.registry.patience import Patience
from runtime.registry.transport import Transport

from .conftest import Bench, RunBench

pytestmark = pytest.mark.loopback


def test_what_passes_is_tried_again(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        bench.offer(b"weights")
        bench.registry.faults.statuses = [503, 429]
        await bench.client.manifest(bench.reference())
        assert len(bench.registry.requests) == 3

    with_bench(main)


@pytest.mark.parametrize(
    ("status", "kind", "count"),
    [
        (500, Unreachable, 3),
        (404, NotThere, 1),
        (403, AccessDenied, 1),
        (400, BadAnswer, 1),
        (418, BadAnswer, 1),
    ],
)
def test_what_does_not_pass_is_one_line(
    with_bench: RunBench, status: int, kind: type[RegistryError], count: int
) -> None:
    async def main(bench: Bench) -> None:
        bench.offer(b"weights")
        bench.registry.faults.statuses = [status] * 9
        with pytest.raises(
            kind, match=rf"registry {bench.registry.host}: {status} .*UNAVAILABLE to order"
        ) as raised:
            await bench.client.manifest(bench.reference())
        assert "\n" not in str(raised.value)
        assert len(bench.registry.requests) == count

    with_bench(main)


async def fetch(registry: str, folder: Path, insecure: bool = True, text: str = "") -> None:
    if text:
        (folder / registry).mkdir()
        (folder / registry / "hosts.toml").write_text(text)
    config = ClientConfig(folder, (registry,) if insecure else (), folder / "none", tries=2)
    async with registry_client(config) as client:
        await client.manifest(parse_reference(f"{registry}/team/tiny:v1"))


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="cannot connect: Connection refused"):
        run(fetch(f"127.0.0.1:{free_tcp_port()}", tmp_path))


def test_a_proxy_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_tcp_port()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("no_proxy", "elsewhere.invalid")
    with pytest.raises(
        Unreachable, match=f"registry.invalid: cannot connect to the proxy 127.0.0.1:{port}: "
    ):
        run(fetch("registry.invalid", tmp_path))


@pytest.mark.parametrize(("absent_s", "pauses"), [(0.0, 0), (math.inf, 8)])
@pytest.mark.parametrize("host", ["127.0.0.1", "registry.invalid"])
def test_where_nobody_is_patience_is_the_callers(host: str, absent_s: float, pauses: int) -> None:
    slept: list[float] = []
    told: list[str] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def nobody(registry: str) -> Credentials:
        return Credentials()

    async def main() -> None:
        registry = f"{host}:{free_tcp_port()}"
        async with aiohttp.ClientSession() as session:
            patience = Patience(9, absent_s, absent_s, told.append, lambda tries: Backoff(tries, sleep))
            requests = Transport(session, Hosts(None, (registry,)), Authorizer(session, nobody), patience)
            with pytest.raises(Unreachable, match="cannot connect"):
                async with requests.get(registry, "/team/tiny/manifests/v1", scope=""):
                    pass

    run(main())
    assert len(slept) == pauses
    assert len(told) == min(pauses, 1)  # they are a moment apart


def test_plain_http_is_not_fallen_back_to(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_registry() as registry:
            with pytest.raises(Unreachable, match="name it with --insecure"):
                await fetch(registry.host, tmp_path, insecure=False)
            assert not registry.requests

    run(main())
    assert ssl.OPENSSL_VERSION


def test_a_mirror_that_fails_gives_way_to_the_registry(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_registry() as mirror, fake_registry() as registry:
            for one in (mirror, registry):
                one.add_manifest("team/tiny", "v1", MANIFEST)
            text = f'server = "{registry.url}"\n[host."{mirror.url}"]\ncapabilities = ["pull", "resolve"]\n'
            await fetch(registry.host, tmp_path, text=text)
            assert (len(mirror.requests), len(registry.requests)) == (1, 0)
            mirror.manifests.clear()
            config = ClientConfig(tmp_path, (), tmp_path / "none")
            async with registry_client(config) as client:
                await client.manifest(parse_reference(f"{registry.host}/team/tiny:v1"))
            assert (len(mirror.requests), len(registry.requests)) == (2, 1)

    run(main())


MANIFEST = (
    b'{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",'
    b'"config":{"mediaType":"a","digest":"sha256:' + b"0" * 64 + b'","size":2},"layers":[]}'
)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 301 x\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 301 x\r\nLocation: /v2/a/manifests/latest\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 301 x\r\nLocation: http://[/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 304 x\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_what_another_try_cannot_mend_is_not_tried_again(answer: bytes, tmp_path: Path) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    async def main() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with pytest.raises(BadAnswer, match=f"^registry {host}: [^\n]+$"):
                await fetch(host, tmp_path)

    run(main())
    assert connections == 1


def test_headers_of_the_configuration_are_for_the_registry_alone(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_registry() as other, fake_registry() as registry:
            digests = {one.add_blob("team/tiny", b"weights") for one in (other, registry)}
            registry.faults.redirect = other.url
            folder = tmp_path / registry.host
            folder.mkdir()
            (folder / "hosts.toml").write_text(f'server = "{registry.url}"\nheader = {{ X-Api-Key = "k" }}\n')
            config = ClientConfig(tmp_path, (), tmp_path / "none", {}, tries=2)
            async with registry_client(config) as client:
                path = f"/team/tiny/blobs/{digests.pop()}"
                async with client.transport.get(registry.host, path, scope="") as answer:
                    assert await answer.read() == b"weights"
            assert (registry.api_keys, other.api_keys) == (["k"], [""])

    run(main())


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's, with a certificate that nobody knows."""
    options = "-newkey rsa:2048 -nodes -days 1 -subj /CN=r -keyout key.pem -out cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", *options.split()], cwd=tmp_path, check=True, capture_output=True
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context


def test_a_certificate_that_nobody_knows_is_named_with_its_cure(tls: ssl.SSLContext, tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as server:
            host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with pytest.raises(
                Unreachable, match=r"certificate is not trusted: .*; name its CA in hosts\.toml"
            ):
                await fetch(host, tmp_path, insecure=False)

    run(main())


def test_a_redirect_to_plain_http_is_not_followed(tls: ssl.SSLContext, tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_registry() as plain:

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(f"HTTP/1.1 307 x\r\nLocation: {plain.url}/v2/\r\n\r\n".encode())
                writer.close()

            async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as server:
                host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
                with pytest.raises(BadAnswer, match=f"registry {host}: redirects to plain HTTP: {plain.url}"):
                    await fetch(host, tmp_path, False, f'server = "https://{host}"\nskip_verify = true\n')
            assert not plain.requests

    run(main())


@pytest.mark.parametrize("answer", [b"HTTP/1.1 100 Continue\r\n\r\n", b""])
def test_an_answer_that_never_comes_is_not_waited_for(answer: bytes, tmp_path: Path) -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await reader.read()  # until the client gives up
        writer.close()
        gone.set()

    async def main() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            config = ClientConfig(None, (host,), tmp_path / "none", tries=1)
            async with registry_client(config) as client:
                with pytest.raises(Unreachable, match=r"no answer within \d+ s"):
                    await client.manifest(parse_reference(f"{host}/team/tiny"))
            await gone.wait()
            await asyncio.sleep(0)

    run_leaping(main(), 1000)
