"""A registry that answers anything: pulls and pushes end, whole or with one line; nothing wrong is kept."""

from __future__ import annotations

import asyncio
import random
import re
from pathlib import Path

import pytest

from bronzewillow.testing.aio import run
from runtime.content import ContentStore
from runtime.images.digest import digest_of
from runtime.images.manifest import Descriptor, emit_manifest
from runtime.images.media_types import DOCKER_CONFIG, DOCKER_MANIFEST, OLLAMA_MODEL
from runtime.images.reference import parse_reference
from runtime.refusal import Refusal
from runtime.registry import backoff, download, transport
from runtime.registry.client import ClientConfig, registry_client
from runtime.registry.pull import pull
from runtime.registry.push import push

pytestmark = pytest.mark.loopback

MODEL = random.Random(1).randbytes(300_000)
CONFIG = b"{}"
LAYERS = [Descriptor(OLLAMA_MODEL, digest_of(MODEL), len(MODEL))]
MANIFEST = emit_manifest(Descriptor(DOCKER_CONFIG, digest_of(CONFIG), len(CONFIG)), LAYERS)
UPLOAD = "/v2/team/tiny/blobs/uploads/1?_state=a"
STATUSES = (100, 200, 201, 204, 206, 301, 304, 307, 401, 404, 416, 429, 500, 999)
ODD_HEADERS = {
    "Location": ("/", "//", "http://", "http://[/", "javascript:x", "\xe9", "http://127.0.0.1:1/", UPLOAD),
    "Content-Length": ("0", "-1", "9" * 20, "x", "300001"),
    "Transfer-Encoding": ("chunked", "x"),
    "Content-Range": ("bytes 0-1/2", "x", f"bytes 0-{'9' * 20}/1"),
    "Content-Encoding": ("gzip", "br", "x"),
    "Docker-Content-Digest": ("x", f"sha256:{'0' * 64}"),
    "Retry-After": ("1e9", "-5", "9" * 20, "Fri, 99 Foo 9999"),
    "Range": ("0-0", f"0-{'9' * 18}", "x"),
    "OCI-Chunk-Min-Length": ("99999999999", "-1", "x"),
    "WWW-Authenticate": (
        'Bearer realm="http://127.0.0.1:1/"',
        'Bearer realm="',
        "Basic",
        "\xff",
        "Bearer x=y",
    ),
    "X": ("y" * 9_000, "y" * 70_000),
}


class Hostile:
    """A right answer, with some things about it that are not."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                if length := re.search(r"Content-Length: (\d+)", head):
                    await reader.readexactly(int(length[1]))
                writer.write(self._answer(head))
                await writer.drain()
                if self._rng.random() < 0.1:
                    return
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.transport.abort()

    def _answer(self, head: str) -> bytes:
        status, headers, body = self._right(head)
        if self._rng.random() < 0.35:
            for _ in range(self._rng.randrange(1, 3)):
                status, body = self._wrong(status, headers, body)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {status} x\r\n{lines}\r\n".encode("latin-1") + body

    def _right(self, head: str) -> tuple[int, dict[str, str], bytes]:
        method, path, _ = head.split(" ", 2)
        if method == "GET" and "/manifests/" in path:
            return 200, {"Content-Type": DOCKER_MANIFEST, "Content-Length": str(len(MANIFEST))}, MANIFEST
        for blob in (MODEL, CONFIG) if method == "GET" else ():
            if path.endswith(digest_of(blob)):
                return self._blob(head, blob)
        if method == "HEAD":
            return 404, {"Content-Length": "0"}, b""
        return 202 if method == "POST" else 201, {"Content-Length": "0", "Location": UPLOAD}, b""

    def _blob(self, head: str, blob: bytes) -> tuple[int, dict[str, str], bytes]:
        if (asked := re.search(r"Range: bytes=(\d+)-(\d+)", head)) is None:
            return 200, {"Content-Length": str(len(blob))}, blob
        start, end = int(asked[1]), int(asked[2])
        body = blob[start : end + 1]
        headers = {"Content-Range": f"bytes {start}-{end}/{len(blob)}", "Content-Length": str(len(body))}
        return 206, headers, body

    def _wrong(self, status: int, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        rng = self._rng
        match rng.randrange(5):
            case 0:
                status = rng.choice(STATUSES)
            case 1:
                body = body[: rng.randrange(len(body) + 1)]
            case 2:
                body += rng.randbytes(rng.randrange(1, 100_000))
            case 3:
                at = rng.randrange(len(body) + 1)
                body = body[:at] + rng.randbytes(3) + body[at + 3 :]
            case _:
                name = rng.choice(list(ODD_HEADERS))
                headers[name] = rng.choice(ODD_HEADERS[name])
                if name == "Transfer-Encoding":
                    headers.pop("Content-Length", None)
        return status, body


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in (
        (backoff, "FIRST_S", 0.001), (backoff, "LONGEST_S", 0.001), (backoff, "_MOST_ASKED_S", 0.001),
        (transport, "_ANSWER_LIMIT_S", 0.2), (transport, "_CONNECT_LIMIT_S", 0.2),
        (download, "PIECE", 70_000), (download, "_BLOCK", 20_000),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)


@pytest.mark.parametrize(
    "seed", [*range(10), *(pytest.param(n, marks=pytest.mark.slow) for n in range(10, 400))]
)
def test_it_ends_whole_or_with_one_line(seed: int, tmp_path: Path) -> None:
    async def main() -> None:
        async with await asyncio.start_server(Hostile(seed).serve, "127.0.0.1", 0) as server:
            host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            reference = parse_reference(f"{host}/team/tiny:v1")
            config = ClientConfig(None, (host,), tmp_path / "none", tries=3)
            async with registry_client(config) as client:
                for number in range(3):
                    store = ContentStore(tmp_path / str(number))
                    try:
                        await pull(client, store, reference)
                    except Refusal as error:
                        assert str(error).isprintable(), str(error)
                    else:
                        assert store.blobs.read(digest_of(MODEL), len(MODEL)) == MODEL
                    assert not store.verify()
                store.blobs.write(MODEL)
                store.blobs.write(CONFIG)
                store.names.set(str(reference), store.write_manifest(MANIFEST))
                for chunk_bytes in (1 << 30, 100_000):
                    try:
                        await push(client, store, reference, chunk_bytes=chunk_bytes)
                    except Refusal as error:
                        assert str(error).isprintable(), str(error)

    run(main())
