"""A client of all registries: manifests and tags; blobs go by download.py and upload.py."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bronzewillow.host.parsing import parse_json
from runtime.images.digest import digest_of
from runtime.images.errors import InvalidManifest
from runtime.images.manifest import LONGEST_BYTES, Index, Manifest, parse_manifest
from runtime.images.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from runtime.images.reference import Reference
from runtime.registry.auth import Authorizer
from runtime.registry.credentials import Credentials, DockerConfig, default_config, registry_of
from runtime.registry.download import Source
from runtime.registry.errors import BadAnswer, NotThere, Unreachable
from runtime.registry.hosts import Hosts
from runtime.registry.patience import Patience, warn
from runtime.registry.transport import Transport, join_url
from runtime.registry.upload import Target

_ACCEPT = ", ".join((DOCKER_MANIFEST, OCI_MANIFEST, DOCKER_LIST, OCI_INDEX))
_MOST_PAGES = 1000
_SMALL_ANSWER_S = 60.0
_CONNECTIONS_PER_HOST = 8
_USER_AGENT = "bronzewillow"


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """What a user can set."""

    hosts_folder: Path | None = None
    """With `<registry>/hosts.toml`."""
    insecure: tuple[str, ...] = ()
    """Registries, by name, that are asked over plain HTTP."""
    docker_config: Path = field(default_factory=default_config)
    credentials: Mapping[str, Credentials] = field(default_factory=dict, repr=False)
    """By registry; they go before Docker's."""
    tries: int = 9
    """Of one request, until the registry counts as unreachable."""
    absent_s: float = 2.0
    """How long it is tried again where nobody takes the connection, and nobody has before; the last pause may
    reach beyond.
    """
    lost_s: float = math.inf
    """The same for a registry that has answered this client before."""
    tell: Callable[[str], None] = warn
    """Hears in a line what is tried again, now and then."""


class RegistryClient:
    """The client of all registries; made by `registry_client`."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def source(self, reference: Reference) -> Source:
        """Where the blobs of an image are read from."""
        return Source(self.transport, reference.registry, reference.repository)

    def target(self, reference: Reference) -> Target:
        """Where the blobs of an image are written to."""
        return Target(self.transport, reference.registry, reference.repository)

    async def manifest(self, reference: Reference) -> Manifest | Index:
        """By its digest, if it has one, else by its tag. RegistryError."""
        wanted = reference.digest or reference.tag
        path = f"/{reference.repository}/manifests/{wanted}"
        source = self.source(reference)
        try:
            async with self.transport.get(
                reference.registry,
                path,
                scope=source.scope,
                capability="resolve",
                headers={"Accept": _ACCEPT},
            ) as answer:
                raw = await _read(answer, LONGEST_BYTES, f"registry {reference.registry}: manifest {wanted}")
                said = answer.headers.get("Docker-Content-Digest")
                content_type = answer.headers.get("Content-Type", "")
        except NotThere as error:
            raise NotThere(f"image {reference.familiar}: there is none; {error}") from None
        found = digest_of(raw)
        for digest in (reference.digest, said):
            if digest is not None and digest.startswith("sha256:") and digest != found:
                raise BadAnswer(f"registry {reference.registry}: manifest {wanted}: is {found}, not {digest}")
        try:
            return parse_manifest(raw, content_type)
        except InvalidManifest as error:
            raise BadAnswer(f"registry {reference.registry}: manifest {wanted}: {error}") from None

    async def put_manifest(self, reference: Reference, manifest: Manifest | Index) -> None:
        """Under its tag, or under its digest alone."""
        path = f"/{reference.repository}/manifests/{reference.tag or manifest.digest}"
        target = self.target(reference)
        headers = {"Content-Type": manifest.media_type}
        async with self.transport.send(
            "PUT", reference.registry, path, scope=target.scope, headers=headers, body=lambda: manifest.raw
        ):
            pass

    async def delete_manifest(self, reference: Reference) -> str:
        """With all of its tags; its digest. RegistryError, also when the registry forbids it."""
        _check_registry(reference)
        digest = reference.digest or (await self.manifest(reference)).digest
        path = f"/{reference.repository}/manifests/{digest}"
        scope = f"repository:{reference.repository}:pull,delete"
        async with self.transport.send("DELETE", reference.registry, path, scope=scope):
            return digest

    async def ping(self, registry: str) -> None:
        """Whether it lets us in. RegistryError."""
        async with self.transport.get(registry, "/", scope="", capability="push"):
            pass

    async def tags(self, reference: Reference) -> list[str]:
        """All tags of its repository, over all pages. RegistryError."""
        _check_registry(reference)
        found: list[str] = []
        path = f"/{reference.repository}/tags/list"
        seen: set[str] = set()
        while path and path not in seen and len(seen) < _MOST_PAGES:
            seen.add(path)
            async with self.transport.get(
                reference.registry, path, scope=self.source(reference).scope, capability="resolve"
            ) as answer:
                tags = await _json(answer, f"registry {reference.registry}: tags", "tags")
                found += [tag for tag in tags if isinstance(tag, str)]
                path = _next_page(answer) if tags else ""
        return found


def _check_registry(reference: Reference) -> None:
    if not reference.registry:
        name = reference.familiar
        raise NotThere(f"repository {name}: names no registry, such as registry.example/{name}")


@asynccontextmanager
async def registry_client(config: ClientConfig) -> AsyncIterator[RegistryClient]:
    """A client while inside."""
    docker = DockerConfig(config.docker_config)

    async def find(registry: str) -> Credentials:
        given = config.credentials.get(registry_of(registry))
        return given if given is not None else await docker.find(registry)

    connector = aiohttp.TCPConnector(limit_per_host=_CONNECTIONS_PER_HOST)
    async with aiohttp.ClientSession(
        connector=connector,
        headers={"User-Agent": _USER_AGENT},
        auto_decompress=False,  # a digest is of the bytes as they are stored
        read_bufsize=1 << 20,
    ) as session:
        yield RegistryClient(
            Transport(
                session,
                Hosts(config.hosts_folder, config.insecure),
                Authorizer(session, find),
                Patience(config.tries, config.absent_s, config.lost_s, config.tell),
            )
        )


async def _read(answer: aiohttp.ClientResponse, limit: int, what: str) -> bytes:
    raw = bytearray()
    try:
        async with asyncio.timeout(_SMALL_ANSWER_S):
            async for chunk in answer.content.iter_any():
                raw += chunk
                if len(raw) > limit:
                    raise BadAnswer(f"{what}: more than {limit:,} bytes")
    except TimeoutError:
        raise Unreachable(f"{what}: is not here after {_SMALL_ANSWER_S:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable(f"{what}: was cut off: {error}") from None
    return bytes(raw)


async def _json(answer: aiohttp.ClientResponse, what: str, key: str) -> list[Any]:
    try:
        found = parse_json(await _read(answer, LONGEST_BYTES, what))[key]
    except (ValueError, KeyError, TypeError):
        raise BadAnswer(f"{what}: no JSON with {key!r}") from None
    if found is not None and not isinstance(found, list):
        raise BadAnswer(f"{what}: {key!r} is no list")
    return found or []


def _next_page(answer: aiohttp.ClientResponse) -> str:
    """The path of the Link header's rel=next (RFC 8288), below the API's root; empty at the end."""
    link = answer.links.get("next")
    if link is None:
        return ""
    parts = urlsplit(join_url(answer, str(link["url"])))
    path = parts.path.partition("/v2")[2]
    return f"{path}?{parts.query}" if path else ""
