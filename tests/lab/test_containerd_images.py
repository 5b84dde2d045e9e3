"""A stock containerd pulls images of models and serves them through our snapshotter."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.features import ENVIRONMENT_VARIABLE
from bronzewillow.testing.registry import FakeRegistry, fake_registry
from runtime.containerd.adapted import digest_of
from runtime.images.media_types import DOCKER_CONFIG

from .conftest import require
from .containerd import Containerd, containerd_running

pytestmark = pytest.mark.lab
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture
def containerd() -> Iterator[Containerd]:
    require("containerd", "curl")
    with containerd_running() as one:
        yield one


def push(registry: FakeRegistry, tag: str, config: dict[str, Any]) -> str:
    """A real model, with a system message, as Ollama's registry has it; its name."""
    model = Path(os.environ[ENVIRONMENT_VARIABLE], "model.gguf").read_bytes()
    layers = {"model": model, "system": b"You answer in one word."}
    raw = json.dumps(config | {"model_format": "gguf", "os": "linux", "architecture": "amd64"}).encode()
    for data in (raw, *layers.values()):
        registry.blobs["tiny", digest_of(data)] = data
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": DOCKER_CONFIG, "digest": digest_of(raw), "size": len(raw)},
            "layers": [
                {
                    "mediaType": f"application/vnd.ollama.image.{kind}",
                    "digest": digest_of(data),
                    "size": len(data),
                }
                for kind, data in layers.items()
            ],
        }
    ).encode()
    for reference in (tag, digest_of(manifest)):
        registry.manifests["tiny", reference] = (manifest, MANIFEST)
    return f"{registry.url.removeprefix('http://')}/tiny:{tag}"


def ask(containerd: Containerd, name: str) -> str:
    """What the model says."""
    body = json.dumps({"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8})
    words = ["curl", "-s", "-m", "60", "--unix-socket", f"{containerd.folder}/{name}.sock", "-d", body]
    answer = subprocess.run([*words, "http://x/v1/chat/completions"], check=True, capture_output=True)
    return str(json.loads(answer.stdout)["choices"][0]["message"]["content"])


def test_a_stock_image_is_fetched_adopted_and_served(containerd: Containerd) -> None:
    async def main() -> None:
        async with fake_registry() as registry:
            image = push(registry, "v1", {})
            refused = await asyncio.to_thread(
                containerd.ctr, "image", "pull", "--plain-http", "--snapshotter", "llm", image, check=False
            )
            assert "mismatched image rootfs and manifest layers" in refused.stderr
            await asyncio.to_thread(containerd.ctr, "content", "fetch", "--plain-http", image)
            serve(image)

    def serve(image: str) -> None:
        assert "2 layers" in containerd.adopt(image)
        assert len(containerd.snapshots()) == 2
        containerd.run_image(image, "one", "--context", "512")
        assert ask(containerd, "one")
        containerd.ctr("task", "kill", "-s", "SIGTERM", "one")
        wait_until(lambda: containerd.tasks()["one"][1] == "STOPPED", "one has ended")
        containerd.ctr("task", "delete", "one")
        containerd.ctr("container", "rm", "one")
        # nothing keeps the snapshots now but the image, and nothing of ours keeps that
        containerd.ctr("image", "rm", "--sync", image)
        wait_until(lambda: not containerd.snapshots(), "the snapshots are collected")
        left = containerd.folder / "snapshotter/snapshots"
        wait_until(lambda: not list(left.iterdir()), "the files have gone")

    run(main())


def test_an_image_that_tells_of_its_layers_is_pulled_once_it_was_adopted(containerd: Containerd) -> None:
    async def main() -> None:
        async with fake_registry() as registry:
            model = Path(os.environ[ENVIRONMENT_VARIABLE], "model.gguf").read_bytes()
            digests = [digest_of(model), digest_of(b"You answer in one word.")]
            image = push(registry, "v2", {"rootfs": {"type": "layers", "diff_ids": digests}})
            pull = ("image", "pull", "--plain-http", "--snapshotter", "llm", image)
            refused = await asyncio.to_thread(containerd.ctr, *pull, check=False)
            assert "no processor for media-type" in refused.stderr
            await asyncio.to_thread(containerd.adopt, image)
            await asyncio.to_thread(containerd.ctr, *pull)
            await asyncio.to_thread(containerd.run_image, image, "one", "--engine", "echo")
            top = await asyncio.to_thread(containerd.snapshots)
            assert digest_of(" ".join(digests).encode()) in top

    run(main())
