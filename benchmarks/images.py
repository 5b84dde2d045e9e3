"""What a pull costs beside `curl | sha256sum`, what a push costs, and what it takes to show an image.

    python -m benchmarks.images [--rounds 5] [--megabytes 1000] [--json FILE]

Debian's docker-registry on loopback, one blob of random bytes; both sides in turns. The pull also writes the
blob to the disk and syncs it, which the other side does not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bronzewillow.testing.docker_registry import DockerRegistry, docker_registry
from runtime.content import ContentStore
from runtime.images.manifest import Descriptor, emit_manifest
from runtime.images.media_types import DOCKER_CONFIG, OLLAMA_MODEL
from runtime.images.reference import parse_reference
from runtime.imagestore import ImageStore

_SPARSE_BYTES = 40 << 30


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of images.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, docker_registry(Path(folder) / "registry") as registry:
        figures = measure(Path(folder), registry, arguments.rounds, arguments.megabytes * 1_000_000)
    for name, value in figures.items():
        print(f"{name:32} {value:10.3f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


def measure(folder: Path, registry: DockerRegistry, rounds: int, size: int) -> dict[str, float]:
    name = f"{registry.host}/bench/blob:v1"
    digest = make(folder / "maker", name, size)
    push_s = runm(folder / "maker", registry, "push", name)
    pulls, curls = [], []
    for number in range(rounds):
        pulls.append(runm(folder / f"taker-{number}", registry, "pull", name))
        url = f"http://{registry.host}/v2/bench/blob/blobs/{digest}"
        curls.append(timed(["sh", "-c", f"curl -sS {url} | sha256sum"]))
        for path in (folder / f"taker-{number}").rglob("*"):
            if path.is_file():
                path.unlink()
    pull_s, curl_s = statistics.median(pulls), statistics.median(curls)
    return {
        "push, MB/s": size / push_s / 1e6,
        "pull, MB/s": size / pull_s / 1e6,
        "curl | sha256sum, MB/s": size / curl_s / 1e6,
        "pull / curl": curl_s / pull_s,
        "show 100 MB, ms": show_ms(folder / "a", 100_000_000),
        "show 40 GB, ms": show_ms(folder / "b", _SPARSE_BYTES),
    }


def make(root: Path, name: str, size: int) -> str:
    """An image of one blob of random bytes; the blob's digest."""
    content = ContentStore(root / "content")
    config = Descriptor(DOCKER_CONFIG, content.blobs.write(b"{}"), 2)
    digest = content.blobs.write_stream(os.urandom(1_000_000) for _ in range(size // 1_000_000))
    manifest = emit_manifest(config, [Descriptor(OLLAMA_MODEL, digest, size)])
    content.name(str(parse_reference(name)), content.write_manifest(manifest))
    return digest


def runm(root: Path, registry: DockerRegistry, verb: str, name: str) -> float:
    argv = [
        sys.executable,
        "-m",
        "runtime.runm",
        verb,
        "--store",
        str(root),
        "--insecure",
        registry.host,
        name,
    ]
    return timed(argv)


def timed(argv: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(argv, check=True, capture_output=True)
    return time.monotonic() - began


def show_ms(root: Path, size: int) -> float:
    """Of a sparse file that is taken for the blob that the manifest names."""
    store = ImageStore(root)
    config = Descriptor(DOCKER_CONFIG, store.content.blobs.write(b"{}"), 2)
    digest = store.content.blobs.write(b"placeholder")
    path = store.content.blobs.path(digest)
    path.chmod(0o600)
    os.truncate(path, size)
    manifest = emit_manifest(config, [Descriptor(OLLAMA_MODEL, digest, size)])
    store.name(parse_reference("sparse"), store.content.write_manifest(manifest))
    image = store.get("sparse")
    before = blocks(root)
    began = time.monotonic()
    store.unpack(image)
    store.snapshots.prepare("container", image.descriptor.digest)
    took_s = time.monotonic() - began
    assert blocks(root) - before < 200, "an image that is shown costs no disk"
    return took_s * 1000


def blocks(root: Path) -> int:
    """Of 512 bytes, each file once."""
    files = {path.stat().st_ino: path.stat().st_blocks for path in root.rglob("*")}
    return sum(files.values())


if __name__ == "__main__":
    main()
