from __future__ import annotations

import json
from typing import Any

import pytest

from runtime.containerd.adapted import Adapted, adapt, digest_of, this_platform
from runtime.containerd.errors import NotAdoptable
from runtime.images.media_types import DOCKER_CONFIG, OCI_CONFIG

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
OLLAMA = {"model_format": "gguf", "model_family": "llama", "architecture": "amd64", "os": "linux"}


def image(config: Any, media_type: str = DOCKER_CONFIG) -> tuple[bytes, bytes]:
    raw = json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "config": {"mediaType": media_type, "digest": digest_of(raw), "size": len(raw)},
        "layers": [
            {"mediaType": "application/vnd.ollama.image.model", "digest": A, "size": 5},
            {"mediaType": "application/vnd.ollama.image.system", "digest": B, "size": 2},
        ],
        "annotations": {"kept": "yes"},
    }
    return json.dumps(manifest).encode(), raw


def test_chain_ids_are_those_of_the_oci_specification() -> None:
    third = f"sha256:{'c' * 64}"
    first, second, top = Adapted(b"", b"", (A, B, third)).chain_ids
    assert first == A
    assert second == digest_of(f"{A} {B}".encode())
    assert top == digest_of(f"{second} {third}".encode())


def test_a_stock_image_gets_a_root_file_system_and_keeps_all_else() -> None:
    manifest, config = image(OLLAMA)
    adapted = adapt(manifest, config, "linux", "arm64")
    settings = json.loads(adapted.config)
    assert settings == OLLAMA | {"architecture": "arm64", "rootfs": {"type": "layers", "diff_ids": [A, B]}}
    found, before = json.loads(adapted.manifest), json.loads(manifest)
    assert found["config"] == {
        "mediaType": DOCKER_CONFIG, "digest": digest_of(adapted.config), "size": len(adapted.config)
    }  # fmt: skip
    assert (found["layers"], found["annotations"]) == (before["layers"], before["annotations"])
    assert adapted.diff_ids == (A, B)


def test_adapting_twice_changes_nothing() -> None:
    once = adapt(*image(OLLAMA), "linux", "amd64")
    assert adapt(once.manifest, once.config, "linux", "amd64") == once


def test_an_image_that_tells_of_its_layers_stays_as_it_is() -> None:
    manifest, config = image(OLLAMA | {"rootfs": {"type": "layers", "diff_ids": [B, A]}})
    adapted = adapt(manifest, config, "linux", "amd64")
    assert (adapted.manifest, adapted.config, adapted.diff_ids) == (manifest, config, (B, A))
    elsewhere = adapt(manifest, config, "darwin", "arm64")
    assert json.loads(elsewhere.config)["os"] == "darwin" and elsewhere.diff_ids == (B, A)


def test_a_list_that_is_too_short_is_replaced() -> None:
    manifest, config = image(OLLAMA | {"rootfs": {"type": "layers", "diff_ids": [A]}})
    assert adapt(manifest, config, "linux", "amd64").diff_ids == (A, B)


def test_a_configuration_that_containerd_does_not_know_is_replaced() -> None:
    manifest, config = image({"config": {"paramSize": "8b"}}, "application/vnd.cncf.model.config.v1+json")
    adapted = adapt(manifest, config, "linux", "amd64")
    assert json.loads(adapted.config) == {
        "os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [A, B]}
    }  # fmt: skip
    assert json.loads(adapted.manifest)["config"]["mediaType"] == OCI_CONFIG


@pytest.mark.parametrize(
    ("manifest", "config", "said"),
    [
        (b"{", b"{}", "manifest is no JSON"),
        (b"[]", b"{}", "manifest is no JSON object"),
        (image({})[0], b"7", "configuration is no JSON object"),
        (b'{"config": {}, "layers": []}', b"{}", "no layers"),
    ],
)
def test_refusals(manifest: bytes, config: bytes, said: str) -> None:
    with pytest.raises(NotAdoptable, match=said):
        adapt(manifest, config, "linux", "amd64")


def test_this_platform_is_in_go_s_words() -> None:
    system, architecture = this_platform()
    assert system in ("linux", "darwin") and architecture in ("amd64", "arm64")
