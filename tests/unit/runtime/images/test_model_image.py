from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.images.digest import digest_of
from runtime.images.errors import ImageError, UnservableImage
from runtime.images.manifest import Manifest, parse_manifest
from runtime.images.media_types import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    MODEL_RUNNER_CONFIGS,
    MODELPACK_CONFIG,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_MANIFEST,
    ROLES,
    Role,
)
from runtime.images.model_image import ModelImage, read_model_image

O = "application/vnd.ollama.image."  # noqa: E741
D = "application/vnd.docker.ai."
C = "application/vnd.cncf.model."
KIT = "application/vnd.kitops.modelkit.model.v1.tar"
TITLE, PATH = "org.opencontainers.image.title", "org.cncf.model.filepath"


def image(
    config: str, *layers: str | tuple[str, dict[str, str]], config_raw: bytes = b"{}", **rest: Any
) -> ModelImage:
    listed = []
    for number, layer in enumerate(layers):
        kind, annotations = layer if isinstance(layer, tuple) else (layer, {})
        digest = digest_of(str(number).encode())
        listed.append({"mediaType": kind, "digest": digest, "size": 1, "annotations": annotations})
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST if config == DOCKER_CONFIG else OCI_MANIFEST,
        "config": {"mediaType": config, "digest": digest_of(config_raw), "size": len(config_raw)},
        "layers": listed,
    }
    manifest = parse_manifest(json.dumps(document | rest).encode())
    assert isinstance(manifest, Manifest)
    return read_model_image(manifest, config_raw)


def files(found: ModelImage) -> dict[str, int]:
    """File name to the layer's number."""
    numbers = {layer.digest: number for number, layer in enumerate(found.manifest.layers)}
    return {part.file_name: numbers[part.descriptor.digest] for part in found.parts}


def test_ollama_in_any_order_with_all_roles() -> None:
    found = image(
        DOCKER_CONFIG,
        *(O + kind for kind in ("license", "template", "adapter", "params", "prompt", "model", "adapter")),
        *(O + kind for kind in ("system", "license", "messages", "projector", "draft", "embed", "new")),
    )
    assert found.ecosystem == "Ollama"
    assert files(found) == {
        "model.gguf": 5, "license": 0, "adapter.gguf": 2, "params.json": 3, "template": 4,
        "adapter-2.gguf": 6, "system": 7, "license-2": 8, "messages.json": 9,
        "mmproj.gguf": 10, "draft.gguf": 11,
    }  # fmt: skip
    assert [warning.partition("'")[2] for warning in found.warnings] == [
        f"{O}embed' has no effect", f"{O}new' has no effect",
    ]  # fmt: skip
    assert [part.file_name for part in found.of(Role.ADAPTER)] == ["adapter.gguf", "adapter-2.gguf"]


def test_docker_model_runner() -> None:
    layers = (D + "gguf.v3", D + "chat.template.jinja", D + "license", D + "mmproj", D + "vllm.config.tar")
    found = image(MODEL_RUNNER_CONFIGS[0], *layers, config_raw=b'{"config":{"parameters":"1B"}}')
    assert (found.ecosystem, found.config.parameters) == ("Docker Model Runner", "1B")
    assert files(found) == {"model.gguf": 0, "chat_template.jinja": 1, "license": 2, "mmproj.gguf": 3}
    shards = [D + "gguf.v3"] * 3
    assert files(image(MODEL_RUNNER_CONFIGS[0], *shards)) == {
        f"model-0000{n}-of-00003.gguf": n - 1 for n in (1, 2, 3)
    }
    by_path = image(
        MODEL_RUNNER_CONFIGS[1],
        (D + "model.file", {PATH: "README.md"}),
        (D + "model.file", {PATH: "chat.jinja"}),
        (D + "gguf.v3", {PATH: "m-00002-of-00002.gguf"}),
        (D + "gguf.v3", {PATH: "m-00001-of-00002.gguf"}),
    )
    assert files(by_path) == {
        "model-00001-of-00002.gguf": 3, "model-00002-of-00002.gguf": 2, "chat_template.jinja": 1,
    }  # fmt: skip


def test_modelpack() -> None:
    found = image(
        MODELPACK_CONFIG,
        (C + "doc.v1.raw", {PATH: "README.md"}),
        (C + "weight.v1.raw", {PATH: "deep/tiny.Q4.gguf"}),
        (C + "weight.v1.raw", {PATH: "mmproj-tiny.gguf"}),
        (C + "weight.config.v1.raw", {PATH: "tokenizer.json"}),
    )
    assert found.ecosystem == "ModelPack"
    assert files(found) == {"model.gguf": 1, "mmproj.gguf": 2}
    assert files(image(MODELPACK_CONFIG, C + "weight.v1.raw")) == {"model.gguf": 0}


@pytest.mark.parametrize("kind", ["application/gguf", "application/vnd.ramalama.model.gguf"])
def test_gguf_artifacts(kind: str) -> None:
    found = image(OCI_EMPTY, kind, artifactType="application/gguf")
    assert (found.ecosystem, files(found)) == ("GGUF artifact", {"model.gguf": 0})
    titled = ("application/octet-stream", {TITLE: "tiny.gguf"})
    assert files(image(OCI_EMPTY, titled, ("text/plain", {TITLE: "notes.txt"}))) == {"model.gguf": 0}


@pytest.mark.parametrize(
    ("config", "layers", "why"),
    [
        (DOCKER_CONFIG, (O + "tensor", O + "json"), "safetensors, which llama.cpp cannot serve; convert"),
        (MODEL_RUNNER_CONFIGS[0], (D + "safetensors",), "weights are safetensors"),
        (MODEL_RUNNER_CONFIGS[0], (D + "dduf",), "DDUF"),
        (MODELPACK_CONFIG, ((C + "weight.v1.raw", {PATH: "a.safetensors"}),), "safetensors"),
        (MODELPACK_CONFIG, (C + "weight.v1.tar+zstd",), "in an archive"),
        ("application/vnd.kitops.modelkit.config.v1+json", (KIT,), "archive"),
        (DOCKER_CONFIG, ("application/vnd.docker.image.rootfs.diff.tar.gzip",), "is a container image"),
        (OCI_CONFIG, ("application/vnd.oci.image.layer.v1.tar",), "is a container image"),
        (OCI_EMPTY, ("text/plain",), "has no model: its layers are of text/plain"),
        (OCI_EMPTY, (), "no type at all"),
        (OCI_EMPTY, tuple((D + "gguf.v3", {TITLE: f"{n}.gguf"}) for n in "ab"), "several models"),
        (OCI_EMPTY, ((D + "gguf.v3", {TITLE: "a-00001-of-00003.gguf"}),) * 2, "are not shards 1 to 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_named(config: str, layers: tuple[Any, ...], why: str) -> None:
    with pytest.raises(UnservableImage, match=why) as raised:
        image(config, *layers)
    assert "\n" not in str(raised.value)


LAYER = st.tuples(
    st.sampled_from([*ROLES, "text/plain", C + "weight.v1.tar"]),
    st.dictionaries(
        st.sampled_from([TITLE, PATH]), st.sampled_from(["../../x.gguf", "/etc/passwd", "", "\0.gguf"])
    ),
)


@given(st.lists(LAYER, max_size=6), st.binary(max_size=20))
def test_file_names_are_ours_whatever_the_annotations_say(layers: list[Any], config: bytes) -> None:
    try:
        found = image(OCI_EMPTY, *layers, config_raw=config)
    except ImageError:
        return
    names = [part.file_name for part in found.parts]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").replace(".", "").replace("_", "").isalnum() for name in names)
