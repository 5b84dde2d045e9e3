"""Images between machines: real registries, real clients, kill -9 at any moment."""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from oras.client import OrasClient

from bronzewillow.testing import docker_registry as debian
from bronzewillow.testing.docker_registry import DockerRegistry, docker_registry
from bronzewillow.testing.slow_relay import slow_relay

from .conftest import LIMIT_S

pytestmark = pytest.mark.e2e

Serve = Callable[..., Any]
BYTES_PER_S = 40_000_000
KILLS, BYTES_EACH = 10, 6_000_000
"""So much passes before each kill: some block of a megabyte of one of four readers, and never all."""
OLLAMA = "application/vnd.ollama.image."


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[DockerRegistry]:
    if not debian.is_there():
        pytest.skip("docker-registry is not installed; it is a package of Debian's")
    with docker_registry(tmp_path / "registry") as one:
        yield one


class Machine:
    """A store of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder

    def argv(self, insecure: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
        env = {**os.environ, "RUNM_STORE": str(self.root), "RUNM_INSECURE": insecure}
        return [sys.executable, "-m", "runtime.runm", *arguments], env

    def runm(self, insecure: str, *arguments: str, code: int = 0) -> str:
        argv, env = self.argv(insecure, *arguments)
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    def start(self, insecure: str, *arguments: str) -> subprocess.Popen[bytes]:
        argv, env = self.argv(insecure, *arguments)
        return subprocess.Popen(argv, env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def finished(self, digest: str) -> list[tuple[int, int]]:
        """The ranges of a blob that a broken pull has left."""
        path = self.root / "content/ingest" / f"{digest.replace(':', '-')}.ranges"
        lines = path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []
        return [(int(start), int(end)) for start, end in (line.split() for line in lines)]


@pytest.fixture
def maker(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "maker")


@pytest.fixture
def taker(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "taker")


def offer(maker: Machine, registry: DockerRegistry, model_path: Path) -> str:
    name = f"{registry.host}/team/tiny:v1"
    maker.runm(registry.host, "create", name, "--model", str(model_path))
    maker.runm(registry.host, "push", name)
    return name


def test_a_pull_that_is_killed_ten_times_goes_on_where_it_was(
    registry: DockerRegistry, maker: Machine, taker: Machine, model_path: Path
) -> None:
    manifest = json.loads(maker.runm("", "inspect", offer(maker, registry, model_path)))
    size = model_path.stat().st_size
    (model,) = (layer["digest"] for layer in manifest["layers"] if layer["size"] == size)
    rng, pause = random.Random(5), threading.Event()
    with slow_relay(registry.host, BYTES_PER_S) as relay:
        name = f"{relay.host}/team/tiny:v1"
        for _ in range(KILLS):
            before, asked = taker.finished(model), len(relay.ranges)
            relay.allow(BYTES_EACH)
            pull = taker.start(relay.host, "pull", name)
            while len(taker.finished(model)) <= len(before):
                assert pull.poll() is None
                pause.wait(0.01)
            pause.wait(rng.random() * 0.1)
            pull.kill()
            pull.wait()
            assert not overlapping(before, relay.ranges[asked:])
        before, asked = taker.finished(model), len(relay.ranges)
        relay.allow(math.inf)
        taker.runm(relay.host, "pull", name)
        assert not overlapping(before, relay.ranges[asked:])
        assert relay.sent_bytes < size + (KILLS + 1) * BYTES_EACH  # what was on its way at each kill
    assert "as their digests say" in taker.runm("", "verify")
    assert not list((taker.root / "content/ingest").iterdir())


def overlapping(finished: list[tuple[int, int]], asked: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [one for one in asked for start, end in finished if one[0] < end and start < one[1]]


def test_a_registry_that_restarts_is_waited_for(
    registry: DockerRegistry, maker: Machine, taker: Machine, model_path: Path
) -> None:
    offer(maker, registry, model_path)
    pause = threading.Event()
    with slow_relay(registry.host, BYTES_PER_S) as relay:
        pull = taker.start(relay.host, "pull", f"{relay.host}/team/tiny:v1")
        while relay.sent_bytes < 20_000_000:
            assert pull.poll() is None
            pause.wait(0.01)
        registry.kill()
        pause.wait(0.5)
        registry.start()
        assert pull.wait(LIMIT_S) == 0
        assert relay.sent_bytes < 1.6 * model_path.stat().st_size
    assert "as their digests say" in taker.runm("", "verify")


def test_others_read_what_we_push(
    registry: DockerRegistry, maker: Machine, model_path: Path, tmp_path: Path
) -> None:
    name = offer(maker, registry, model_path)
    manifest = json.loads(maker.runm("", "inspect", name))
    argv = ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}"]
    raw = subprocess.run(argv, capture_output=True, check=True).stdout
    assert "sha256:" + hashlib.sha256(raw).hexdigest() == manifest["digest"]
    client = OrasClient(insecure=True)
    assert client.get_manifest(name)["layers"] == manifest["layers"]
    layer = manifest["layers"][0]
    client.download_blob(name, layer["digest"], str(tmp_path / "blob"))
    assert (tmp_path / "blob").stat().st_size == layer["size"]
    maker.runm("", "save", "-o", str(tmp_path / "tiny.tar"), name)
    argv = ["skopeo", "inspect", "--raw", f"oci-archive:{tmp_path}/tiny.tar"]
    assert subprocess.run(argv, capture_output=True, check=True).stdout == raw


def curl(*arguments: str) -> str:
    done = subprocess.run(["curl", "-sS", "--fail", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def put_blob(registry: DockerRegistry, repository: str, path: Path) -> dict[str, object]:
    """With nothing but curl."""
    digest = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    head = curl("-i", "-X", "POST", f"http://{registry.host}/v2/{repository}/blobs/uploads/")
    location = next(line for line in head.splitlines() if line.lower().startswith("location:"))
    url = location.partition(":")[2].strip()
    curl(
        "-X", "PUT", "-H", "Content-Type: application/octet-stream", "-T", str(path), f"{url}&digest={digest}"
    )
    return {"digest": digest, "size": path.stat().st_size}


def test_an_image_as_ollama_pushes_it_is_pulled_and_serves(
    registry: DockerRegistry, taker: Machine, model_path: Path, tmp_path: Path, start: Serve
) -> None:
    texts = {
        "template": "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}"
        "<|im_start|>assistant\n",
        "system": "You are a pirate. You begin every answer with 'Arrr'.",
        "params": '{"num_ctx":512,"stop":["<|im_end|>"],"temperature":0}\n',
        "license": "Apache License",
    }
    config = (
        '{"model_format":"gguf","model_family":"llama","model_families":["llama"],"model_type":"134.52M",'
        '"file_type":"Q4_1","architecture":"amd64","os":"linux"}\n'
    )
    (tmp_path / "config").write_text(config)
    layers = [("model", model_path)]
    for kind, text in texts.items():
        (tmp_path / kind).write_text(text)
        layers.append((kind, tmp_path / kind))
    listed = [
        {"mediaType": f"{OLLAMA}{kind}", **put_blob(registry, "library/tiny", path)} for kind, path in layers
    ]
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            **put_blob(registry, "library/tiny", tmp_path / "config"),
        },
        "layers": listed,
    }
    (tmp_path / "manifest").write_text(json.dumps(manifest, separators=(",", ":")) + "\n")
    curl(
        "-X", "PUT", "-H", f"Content-Type: {manifest['mediaType']}", "--data-binary", f"@{tmp_path}/manifest",
        f"http://{registry.host}/v2/library/tiny/manifests/latest",
    )  # fmt: skip
    name = f"{registry.host}/library/tiny"
    image = ["--store", str(taker.root), "--insecure", registry.host, name]
    ask = {"messages": [{"role": "user", "content": "Who are you?"}], "max_tokens": 16}
    with start(*image) as server:  # which pulls it
        told = curl(
            "--unix-socket", str(server.socket), "http://x/v1/chat/completions", "-H",
            "Content-Type: application/json", "-d", json.dumps(ask),
        )  # fmt: skip
        assert json.loads(told)["choices"][0]["message"]["content"].startswith("Arrr")
        models = json.loads(curl("--unix-socket", str(server.socket), "http://x/v1/models"))
        assert models["data"][0]["id"] == name
    assert taker.runm("", "show", "--system", name).strip() == texts["system"]
    shown = json.loads(taker.runm("", "show", "--format", "json", name))["model"]
    assert (shown["parameters"], shown["quantization"]) == ("134.52M", "Q4_1")
