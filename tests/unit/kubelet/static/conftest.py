"""Manifests, and a real node on loopback whose models are the engine without a model."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bronzewillow.testing.gguf import emit_gguf, random_tensor
from bronzewillow.testing.node_processes import NodeProcesses, node_processes

TENSORS = {"token_embd.weight": random_tensor(random.Random(1), 8, 8)}


@pytest.fixture(scope="module")
def node() -> Iterator[NodeProcesses]:
    """The agent and llm-containerd, with the image `tiny`."""
    with node_processes() as node:
        (node.folder / "tiny.gguf").write_bytes(emit_gguf({"general.architecture": "llama"}, TENSORS))
        node.run("runtime.runm", "create", "tiny", "--model", str(node.folder / "tiny.gguf"))
        node.start_agent()
        node.start_runtime()
        yield node


POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  restartPolicy: {policy}
  terminationGracePeriodSeconds: 5
  containers:
  - {{name: llm, image: {image}, args: [--engine, echo, --name, {served}]}}
"""


@dataclass(frozen=True, slots=True)
class Manifests:
    """A folder of them."""

    path: Path

    def write(
        self, name: str, *, policy: str = "Always", image: str = "tiny", served: str = "m", file: str = ""
    ) -> None:
        """One, in the place of what its file said."""
        text = POD.format(name=name, policy=policy, image=image, served=served)
        (self.path / (file or f"{name}.yaml")).write_text(text)


@pytest.fixture
def manifests(tmp_path: Path) -> Manifests:
    path = tmp_path / "manifests"
    path.mkdir()
    return Manifests(path)
