from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.registry import FakeRegistry, fake_registry
from runtime.content import ContentStore
from runtime.images.manifest import Descriptor, emit_manifest
from runtime.images.media_types import DOCKER_CONFIG, OLLAMA_MODEL
from runtime.images.reference import Reference, parse_reference
from runtime.registry.client import ClientConfig, RegistryClient, registry_client
from runtime.registry.credentials import Credentials


@dataclass
class Told:
    """A Progress that remembers."""

    done: dict[str, int] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)

    def begin(self, blob: Descriptor, done: int) -> None:
        self.done[blob.digest] = done

    def advance(self, blob: Descriptor, count: int) -> None:
        self.done[blob.digest] += count

    def end(self, blob: Descriptor, how: str) -> None:
        self.ends[blob.digest] = how


@dataclass
class Bench:
    """A registry, a client of it, and a store."""

    registry: FakeRegistry
    client: RegistryClient
    store: ContentStore
    told: Told = field(default_factory=Told)

    def reference(self, name: str = "team/tiny:v1") -> Reference:
        return parse_reference(f"{self.registry.host}/{name}")

    def offer(self, *layers: bytes, repository: str = "team/tiny") -> list[Descriptor]:
        """An image in the registry; its layers."""
        config = Descriptor(DOCKER_CONFIG, self.registry.add_blob(repository, b"{}"), 2)
        found = [
            Descriptor(OLLAMA_MODEL, self.registry.add_blob(repository, one), len(one)) for one in layers
        ]
        self.registry.add_manifest(repository, "v1", emit_manifest(config, found))
        return found

    def make(self, name: str, *layers: bytes) -> list[Descriptor]:
        """An image in the store; its layers."""
        config = Descriptor(DOCKER_CONFIG, self.store.blobs.write(b"{}"), 2)
        found = [Descriptor(OLLAMA_MODEL, self.store.blobs.write(one), len(one)) for one in layers]
        self.store.names.set(
            str(self.reference(name)), self.store.write_manifest(emit_manifest(config, found))
        )
        return found


@asynccontextmanager
async def bench(
    folder: Path, auth: str = "none", password: str = "secret", tries: int = 3
) -> AsyncIterator[Bench]:
    async with fake_registry(auth) as registry:
        config = ClientConfig(
            insecure=(registry.host,),
            docker_config=folder / "none.json",
            credentials={registry.host: Credentials("tester", password)} if auth != "none" else {},
            tries=tries,
        )
        async with registry_client(config) as client:
            yield Bench(registry, client, ContentStore(folder / "store"))


RunBench = Callable[..., None]


@pytest.fixture
def with_bench(tmp_path: Path) -> RunBench:
    """Runs a coroutine function with a Bench."""

    def call(main: Callable[[Bench], Awaitable[None]], **options: Any) -> None:
        async def inside() -> None:
            async with bench(tmp_path, **options) as one:
                await main(one)

        run(inside())

    return call
