"""What our client and a registry do together: the double of the unit tests, and Debian's docker-registry."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from bronzewillow.testing import docker_registry as debian
from bronzewillow.testing.aio import run
from bronzewillow.testing.registry import fake_registry
from runtime.content import ContentStore
from runtime.images.manifest import Descriptor, emit_manifest
from runtime.images.media_types import DOCKER_CONFIG, OLLAMA_MODEL, OLLAMA_TEMPLATE
from runtime.images.reference import Reference, parse_reference
from runtime.registry.client import ClientConfig, RegistryClient, registry_client
from runtime.registry.credentials import Credentials
from runtime.registry.errors import AccessDenied, NotThere
from runtime.registry.pull import pull
from runtime.registry.push import push

Pair = tuple[RegistryClient, str]
Connect = Callable[..., AbstractAsyncContextManager[Pair]]

_REAL = [
    pytest.param(("debian", "none", False), marks=pytest.mark.e2e),
    pytest.param(("debian", "basic", True), marks=pytest.mark.e2e),
    pytest.param(("debian", "token", False), marks=pytest.mark.e2e),
]
_DOUBLE = [
    pytest.param(("double", auth, False), marks=pytest.mark.loopback) for auth in ("none", "basic", "bearer")
]


@pytest.fixture(params=[*_DOUBLE, *_REAL], ids=lambda values: "-".join(values[:2]))
def peer(request: pytest.FixtureRequest) -> tuple[str, str, bool]:
    found: tuple[str, str, bool] = request.param
    if found[0] == "debian" and not debian.is_there():
        pytest.skip("docker-registry is not installed; it is a package of Debian's")
    return found


@pytest.fixture
def connect(peer: tuple[str, str, bool], tmp_path: Path) -> Connect:
    kind, auth, tls = peer

    @asynccontextmanager
    async def inside(password: str = "secret") -> AsyncIterator[Pair]:
        if kind == "double":
            async with fake_registry(auth) as registry, client(registry.host, None, password) as one:
                yield one
        else:
            with debian.docker_registry(tmp_path / "registry", auth, tls) as real:
                async with client(real.host, real.ca, password) as one:
                    yield one

    @asynccontextmanager
    async def client(host: str, ca: Path | None, password: str) -> AsyncIterator[Pair]:
        if ca is not None:
            (tmp_path / "hosts" / host).mkdir(parents=True)
            (tmp_path / "hosts" / host / "hosts.toml").write_text(f'server = "https://{host}"\nca = "{ca}"\n')
        who = {} if auth == "none" else {host: Credentials("tester", password)}
        config = ClientConfig(tmp_path / "hosts", () if ca else (host,), tmp_path / "none", who, tries=3)
        async with registry_client(config) as one:
            yield one, host

    return inside


def make(store: ContentStore, reference: Reference, *layers: bytes) -> str:
    """An image in the store; its digest."""
    config = Descriptor(DOCKER_CONFIG, store.blobs.write(b'{"os":"linux"}'), 14)
    kinds = [OLLAMA_MODEL, OLLAMA_TEMPLATE]
    found = [
        Descriptor(kind, store.blobs.write(one), len(one)) for kind, one in zip(kinds, layers, strict=False)
    ]
    descriptor = store.write_manifest(emit_manifest(config, found))
    store.names.set(str(reference), descriptor)
    return descriptor.digest


def test_what_is_pushed_is_listed_pulled_and_deleted(connect: Connect, tmp_path: Path) -> None:
    async def main() -> None:
        async with connect() as (client, host):
            store, other = ContentStore(tmp_path / "a"), ContentStore(tmp_path / "b")
            one = parse_reference(f"{host}/team/tiny:v1")
            digest = make(store, one, os.urandom(300_000), b"{{ .Prompt }}")
            assert await push(client, store, one) == digest
            assert await push(client, store, one) == digest
            assert await client.tags(one) == ["v1"]
            assert (await pull(client, other, one)).digest == digest
            assert not other.verify()
            assert await client.delete_manifest(one) == digest
            with pytest.raises(NotThere):
                await client.manifest(one)

    run(main())


def test_chunks_make_one_blob(connect: Connect, tmp_path: Path) -> None:
    async def main() -> None:
        async with connect() as (client, host):
            store, other = ContentStore(tmp_path / "a"), ContentStore(tmp_path / "b")
            one = parse_reference(f"{host}/team/tiny:v1")
            make(store, one, os.urandom(1_000_000))
            await push(client, store, one, chunk_bytes=300_000)
            await pull(client, other, one)
            assert not other.verify()

    run(main())


def test_a_second_repository_gets_blobs_by_mount(connect: Connect, tmp_path: Path) -> None:
    ends: list[str] = []

    class Told:
        def begin(self, blob: Descriptor, done: int) -> None: ...
        def advance(self, blob: Descriptor, count: int) -> None: ...
        def end(self, blob: Descriptor, how: str) -> None:
            ends.append(how)

    async def main() -> None:
        async with connect() as (client, host):
            store = ContentStore(tmp_path / "a")
            for name in ("team/tiny:v1", "other/tiny:v1"):
                reference = parse_reference(f"{host}/{name}")
                make(store, reference, b"weights")
                await push(client, store, reference, Told())

    run(main())
    assert ends == ["pushed", "pushed", "mounted", "mounted"]


def test_a_wrong_password_and_what_is_not_there(
    connect: Connect, peer: tuple[str, str, bool], tmp_path: Path
) -> None:
    async def main() -> None:
        async with connect("wrong") as (client, host):
            one = parse_reference(f"{host}/team/tiny:v1")
            kind = NotThere if peer[1] == "none" else AccessDenied
            with pytest.raises(kind, match=f"registry {host}") as raised:
                await pull(client, ContentStore(tmp_path / "a"), one)
            assert "\n" not in str(raised.value)

    run(main())
