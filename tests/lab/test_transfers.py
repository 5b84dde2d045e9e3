"""Two hundred megabytes each way through the opaque relay: whole, in order, once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bronzewillow.testing.lab.calls import FILES, answer, chat
from bronzewillow.testing.lab.child import Child
from bronzewillow.testing.lab.files import content, content_digest
from bronzewillow.testing.lab.node import Node, Running, relay_counts
from bronzewillow.testing.lab.plan import Plan
from bronzewillow.testing.lab.relay import Impairment

pytestmark = pytest.mark.lab

SIZE = 200_000_000
ROUGH = Impairment(loss=0.01, duplicate=0.01, reorder=0.03)
LIMIT_S = 600


@pytest.fixture(scope="module")
def digest() -> str:
    return content_digest(SIZE)


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("transfers") / "body"
    with path.open("wb") as file:
        file.writelines(content(SIZE))
    return path


@pytest.fixture(scope="module")
def rough(running: Running) -> Iterator[tuple[Node, Child]]:
    """A lab whose relay loses, doubles and reorders in both directions."""
    with running(Plan(relayed=True), impairment=ROUGH) as node:
        assert node.relay is not None
        yield node, node.relay


def download(node: Node) -> str:
    """SHA-256 of what a pod got."""
    target = node.topology.folder / "got"
    node.topology.pod.run(
        "curl", "-sSf", "-m", str(LIMIT_S), "-o", str(target), f"{FILES}/bytes/{SIZE}", timeout_s=LIMIT_S + 5
    )
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def upload(node: Node, body: Path) -> str:
    """SHA-256 of what the file server got."""
    return node.topology.pod.run(
        "curl", "-sSf", "-m", str(LIMIT_S), "-T", str(body), f"{FILES}/sha256", timeout_s=LIMIT_S + 5
    )


def test_download(node: Node, digest: str) -> None:
    assert download(node) == digest


def test_upload(node: Node, body: Path, digest: str) -> None:
    assert upload(node, body) == digest


def test_download_over_a_rough_network(rough: tuple[Node, Child], digest: str) -> None:
    assert download(rough[0]) == digest


def test_upload_over_a_rough_network(rough: tuple[Node, Child], body: Path, digest: str) -> None:
    assert upload(rough[0], body) == digest


def test_chat_over_a_rough_network(rough: tuple[Node, Child]) -> None:
    node, relay = rough
    before = relay_counts(relay)
    texts = {answer(chat(node.topology.pod, 40)) for _ in range(5)}
    assert len(texts) == 1
    assert relay_counts(relay)["frames"] > before.get("frames", 0) + 100
