from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.adapters.network import CONFIG_MAPS, NODES, Cni
from bronzewillow.kube import resources
from bronzewillow.testing.lab.kubectl import Kubectl
from bronzewillow.testing.lab.netns import Namespace


class Answering(Namespace):
    """What curl would print, by path."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__("answering")
        self.answers = answers
        self.asked: list[tuple[str, ...]] = []

    def run(self, *argv: str, input: str | None = None, timeout_s: float = 30.0) -> str:
        self.asked.append(argv)
        return json.dumps(self.answers[argv[-1].removeprefix("https://there")])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "url").write_text("https://there")
    (tmp_path / "admin.token").write_text("secret")
    return tmp_path


def test_kinds_that_the_cluster_does_not_know_are_not_asked_for(folder: Path) -> None:
    node = {"metadata": {"name": "mac-1"}}
    answers = {
        "/apis": {"groups": [{"name": "apps"}]},
        "/api/v1/nodes": {"items": [node]},
        "/api/v1/configmaps": {"items": [{"metadata": {"namespace": "a", "name": "b"}}]},
        "/api/v1/namespaces": {"items": []},
    }
    cluster = Kubectl(Answering(answers), folder).cluster(Cni.CILIUM)
    assert cluster.node("mac-1") == node
    assert cluster.config_map("a", "b") is not None
    assert set(cluster.objects) == {NODES, CONFIG_MAPS}


def test_a_patch_is_a_merge_patch(folder: Path) -> None:
    there = Answering({"/api/v1/nodes/mac-1/status": {"kind": "Node"}})
    kubectl = Kubectl(there, folder)
    assert kubectl.patch(resources.NODES, "mac-1", {"a": 1}, part="status") == {"kind": "Node"}
    (argv,) = there.asked
    assert "Content-Type: application/merge-patch+json" in argv
    assert '{"a": 1}' in argv
