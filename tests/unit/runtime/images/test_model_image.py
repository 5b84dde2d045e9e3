from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.images import model_image
from runtime.images.config import KITOPS_CONFIG
from runtime.images.digest import digest_of
from runtime.images.errors import ImageError, InvalidManifest, UnservableImage
from runtime.images.manifest import Index, Manifest, parse_manifest
from runtime.images.media_types import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    MODEL_RUNNER_CONFIGS,
    MODELPACK_ARTIFACTS,
    MODELPACK_CONFIG,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_MANIFEST,
    OLLAMA,
    ROLES,
    Role,
)
from runtime.images.model_image import ANY_GGUF, Ecosystem, ModelImage, read_model_image

BYTES = "application/octet-stream"
TITLE = "org.opencontainers.image.title"
PATH = "org.cncf.model.filepath"
DOCKER_AI = "application/vnd.docker.ai."
GGUF = f"{DOCKER_AI}gguf.v3"
CNCF = "application/vnd.cncf.model."
WEIGHT = f"{CNCF}weight.v1."
KIT = "application/vnd.kitops.modelkit."
UNTYPED = "application/vnd.oci.image.layer.v1.tar"
Layer = tuple[str, dict[str, str]]


def layer(kind: str, path: str = "", key: str = PATH) -> Layer:
    return kind, {key: path} if path else {}


def ollama(*kinds: str) -> list[Layer]:
    return [layer(f"{OLLAMA}{kind}") for kind in kinds]


def digest(number: int) -> str:
    return digest_of(b"%d" % number)


def manifest(
    layers: list[Layer], *, config: str = OCI_EMPTY, artifact: str = "", media_type: str = OCI_MANIFEST
) -> Manifest:
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "artifactType": artifact or None,
        "config": {"mediaType": config, "digest": digest(1000), "size": 2},
        "layers": [
            {"mediaType": kind, "digest": digest(number), "size": number, "annotations": annotations}
            for number, (kind, annotations) in enumerate(layers)
        ],
    }
    parsed = parse_manifest(json.dumps(document).encode())
    assert isinstance(parsed, Manifest)
    return parsed


def read(layers: list[Layer], document: object = None, **kind: str) -> ModelImage:
    return read_model_image(manifest(layers, **kind), json.dumps(document or {}).encode())


def read_ollama(*kinds: str, document: object = None) -> ModelImage:
    return read(ollama(*kinds), document, config=DOCKER_CONFIG, media_type=DOCKER_MANIFEST)


def files(image: ModelImage) -> dict[str, int]:
    """File name to the number of its layer."""
    numbers = {digest(number): number for number in range(100)}
    return {part.file_name: numbers[part.descriptor.digest] for part in image.parts}


def test_an_ollama_image_with_all_there_is() -> None:
    kinds = "license model template system params messages adapter adapter projector draft license"
    image = read_ollama(*kinds.split(), document={"model_format": "gguf", "model_family": "llama"})
    assert files(image) == {
        "model.gguf": 1,
        "adapter-0.gguf": 6,
        "adapter-1.gguf": 7,
        "mmproj.gguf": 8,
        "draft.gguf": 9,
        "template": 2,
        "system": 3,
        "params.json": 4,
        "messages.json": 5,
        "license-0": 0,
        "license-1": 10,
    }
    assert (image.ecosystem, str(image.ecosystem)) == (Ecosystem.OLLAMA, "Ollama")
    assert image.config.family == "llama"
    assert image.warnings == ()
    assert all(part.member is None for part in image.parts)
    assert [part.file_name for part in image.of(Role.ADAPTER)] == ["adapter-0.gguf", "adapter-1.gguf"]
    assert image.of(Role.CHAT_TEMPLATE) == ()


def test_the_later_of_single_layers_counts() -> None:
    assert files(read_ollama("template", "system", "model", "prompt", "params", "params")) == {
        "model.gguf": 2,
        "template": 3,
        "system": 1,
        "params.json": 5,
    }


def test_what_has_no_effect_is_said_once() -> None:
    image = read_ollama("embed", "hologram", "model", "hologram")
    assert files(image) == {"model.gguf": 2}
    assert image.warnings == (
        "an embed layer is left out: it has had no effect since Ollama 0.1.2",
        "a layer of the unknown type 'application/vnd.ollama.image.hologram' is left out",
    )


def test_one_projector_and_one_draft() -> None:
    image = read_ollama("projector", "model", "projector", "draft", "draft")
    assert files(image) == {"model.gguf": 1, "mmproj.gguf": 0}
    assert image.warnings == (
        "the first of 2 projectors is used",
        "a draft model in 2 layers is left out: one is supported",
    )


def test_several_models_without_names_are_shards_in_their_order() -> None:
    assert files(read_ollama("model", "template", "model", "model")) == {
        "model-00001-of-00003.gguf": 0,
        "model-00002-of-00003.gguf": 2,
        "model-00003-of-00003.gguf": 3,
        "template": 1,
    }


@pytest.mark.parametrize("config", MODEL_RUNNER_CONFIGS)
def test_docker_model_runner(config: str) -> None:
    image = read(
        [
            layer(f"{DOCKER_AI}license"),
            layer(GGUF, "tiny.gguf"),
            layer(f"{DOCKER_AI}mmproj"),
            layer(f"{GGUF}.lora"),
            layer(f"{DOCKER_AI}chat.template.jinja"),
            layer(f"{DOCKER_AI}model.file", "config.json"),
            layer(f"{DOCKER_AI}vllm.config.tar"),
            layer(f"{DOCKER_AI}dir.tar", "original"),
        ],
        {"config": {"format": "gguf", "architecture": "llama", "context_size": 2048}},
        config=config,
    )
    assert image.ecosystem is Ecosystem.MODEL_RUNNER
    assert files(image) == {
        "model.gguf": 1,
        "mmproj.gguf": 2,
        "adapter-0.gguf": 3,
        "chat_template.jinja": 4,
        "license-0": 0,
    }
    assert image.config.context_tokens == 2048
    assert image.warnings == ()


def test_files_by_path_of_docker_model_runner() -> None:
    image = read(
        [
            layer(f"{DOCKER_AI}model.file", "text/chat_template.jinja"),
            layer(GGUF, "a/Tiny-00002-of-00002.gguf"),
            layer(GGUF, "a/mmproj-Tiny.gguf"),
            layer(GGUF, "a/Tiny-00001-of-00002.gguf"),
            layer(f"{DOCKER_AI}model.file", "LICENSE.md"),
        ],
        config=MODEL_RUNNER_CONFIGS[1],
    )
    assert files(image) == {
        "model-00001-of-00002.gguf": 3,
        "model-00002-of-00002.gguf": 1,
        "mmproj.gguf": 2,
        "chat_template.jinja": 0,
        "license-0": 4,
    }


def test_modelpack_raw() -> None:
    image = read(
        [
            layer(f"{CNCF}weight.config.v1.raw", "tokenizer.json"),
            layer(f"{CNCF}weight.config.v1.raw", "chat_template.jinja"),
            layer(f"{WEIGHT}raw", "weights/tiny.Q4_K_M.gguf"),
            layer(f"{CNCF}doc.v1.raw", "LICENSE"),
            layer(f"{CNCF}doc.v1.tar", "LICENSE"),
            layer(f"{CNCF}dataset.v1.tar+gzip", "data"),
            layer(f"{WEIGHT}raw", "mmproj-F16.GGUF"),
        ],
        {"config": {"format": "gguf", "paramSize": "0.1b"}},
        config=MODELPACK_CONFIG,
        artifact=MODELPACK_ARTIFACTS[0],
    )
    assert image.ecosystem is Ecosystem.MODELPACK
    assert files(image) == {
        "model.gguf": 2,
        "mmproj.gguf": 6,
        "chat_template.jinja": 1,
        "license-0": 3,
    }
    assert image.warnings == ()


@pytest.mark.parametrize(
    ("config", "artifact"),
    [(OCI_CONFIG, MODELPACK_ARTIFACTS[0]), (OCI_EMPTY, MODELPACK_ARTIFACTS[1]), (OCI_EMPTY, "")],
)
def test_modelpack_by_its_artifact_or_layers(config: str, artifact: str) -> None:
    image = read([layer(f"{WEIGHT}gguf", "tiny.gguf", TITLE)], config=config, artifact=artifact)
    assert (image.ecosystem, files(image)) == (Ecosystem.MODELPACK, {"model.gguf": 0})


@pytest.mark.parametrize("path", ["", "tiny", "model.bin"])
def test_the_only_raw_weights_are_taken_for_gguf(path: str) -> None:
    image = read([layer(f"{WEIGHT}raw", path)], config=MODELPACK_CONFIG)
    assert files(image) == {"model.gguf": 0}
    assert image.warnings == (f"the weights {path!r} are taken for GGUF, which their name does not say",)


@pytest.mark.parametrize(
    ("kind", "path", "member"),
    [
        (f"{WEIGHT}tar", "weights/tiny.gguf", "weights/tiny.gguf"),
        (f"{WEIGHT}tar", "./weights//tiny.gguf", "weights/tiny.gguf"),
        (f"{WEIGHT}tar+gzip", "../../etc/tiny.gguf", "tiny.gguf"),
        (f"{WEIGHT}tar+gzip", "/etc/tiny.gguf", "tiny.gguf"),
        (f"{WEIGHT}tar", "weights", ANY_GGUF),
        (f"{WEIGHT}tar+gzip", "", ANY_GGUF),
        (f"{KIT}model.v1.tar+gzip", "", ANY_GGUF),
        (f"{KIT}model.v1.tar", "tiny.gguf", "tiny.gguf"),
    ],
)
def test_weights_in_an_archive(kind: str, path: str, member: str) -> None:
    (part,) = read([layer(kind, path)]).parts
    assert (part.role, part.member, part.file_name) == (Role.MODEL, member, "model.gguf")


def test_kitops_names_files_in_its_configuration() -> None:
    image = read(
        [
            layer(f"{KIT}code.v1.tar+gzip"),
            layer(f"{KIT}modelpart.v1.tar+gzip"),
            layer(f"{KIT}modelpart.v1.tar+gzip"),
            layer(f"{KIT}model.v1.tar+gzip"),
        ],
        {
            "model": {
                "path": "./weights/tiny.gguf",
                "framework": "llama.cpp",
                "parts": [
                    {"path": "mmproj.gguf", "digest": digest(1)},
                    {"path": "tokenizer.json", "digest": digest(2)},
                ],
            }
        },
        config=KITOPS_CONFIG,
    )
    assert image.ecosystem is Ecosystem.KITOPS
    assert [(part.file_name, part.member) for part in image.parts] == [
        ("model.gguf", "weights/tiny.gguf"),
        ("mmproj.gguf", "mmproj.gguf"),
    ]
    assert image.warnings == (
        "a part of the model is left out: its name, 'tokenizer.json', is none of a GGUF",
    )


@pytest.mark.parametrize("has_zstd", [False, True])
def test_zstd_needs_a_python_that_has_it(has_zstd: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_image, "_HAS_ZSTD", has_zstd)
    layers = [layer(f"{WEIGHT}tar+zstd", "tiny.gguf")]
    if has_zstd:
        assert read(layers).parts[0].member == "tiny.gguf"
    else:
        with pytest.raises(UnservableImage, match=r"compressed by zstd: .* with gzip, or run on Python 3.14"):
            read(layers)


@pytest.mark.parametrize(
    ("layers", "kind"),
    [
        ([layer("application/vnd.gguf")], {}),
        ([layer("application/x-gguf", "any.name", TITLE)], {}),
        ([layer("application/vnd.ramalama.model.gguf")], {"config": OCI_CONFIG}),
        ([layer(BYTES)], {"artifact": "application/vnd.ramalama.model.gguf"}),
        ([layer(BYTES, "tiny.gguf", TITLE)], {"artifact": "application/vnd.example"}),
        ([layer("application/vnd.example.weights", "tiny.gguf", TITLE), layer("text/x.tar", "a", TITLE)], {}),
        # What ORAS writes when it is told no types.
        ([layer(UNTYPED, "tiny.gguf", TITLE)], {"artifact": "application/vnd.unknown.artifact.v1"}),
        ([layer(UNTYPED, "tiny.gguf", TITLE)], {"config": "application/vnd.unknown.config.v1+json"}),
    ],
)
def test_plain_artifacts(layers: list[Layer], kind: dict[str, str]) -> None:
    image = read(layers, **kind)
    assert (image.ecosystem, files(image)) == (Ecosystem.PLAIN, {"model.gguf": 0})
    assert len(image.warnings) == len(layers) - 1


def test_files_of_a_plain_artifact_go_by_their_names() -> None:
    names = ("README.md", "tiny.gguf", "LICENSE", "chat_template.jinja", "mmproj.gguf", "old.safetensors")
    image = read([layer(BYTES, name, TITLE) for name in names], artifact="application/vnd.gguf")
    assert files(image) == {
        "model.gguf": 1,
        "mmproj.gguf": 4,
        "chat_template.jinja": 3,
        "license-0": 2,
    }
    assert image.warnings == (
        "the file 'README.md' is left out: its name tells no use of it",
        "safetensors weights beside the GGUF are left out",
    )


SAFETENSORS = "safetensors weights, and GGUF is served: convert the model to GGUF and push that"


@pytest.mark.parametrize(
    ("layers", "document", "kind", "message"),
    [
        (ollama("template"), {}, {"config": DOCKER_CONFIG}, "the image, of type .* has no model: push it"),
        (ollama("adapter"), {}, {}, "the Ollama image has an adapter and no model: build it on a model"),
        (ollama("tensor", "json"), {}, {}, f"the Ollama image has {SAFETENSORS}"),
        (
            ollama("model"),
            {"model_format": "ggml"},
            {"config": DOCKER_CONFIG},
            "the Ollama image has ggml weights",
        ),
        (
            ollama("license"),
            {"remote_host": "https://registry.example", "remote_model": "large"},
            {"config": DOCKER_CONFIG},
            "has no weights, and stands for https://registry.example large on another host",
        ),
        (
            [layer(f"{DOCKER_AI}safetensors", "model.safetensors")],
            {},
            {"config": MODEL_RUNNER_CONFIGS[1]},
            f"the Docker Model Runner image has {SAFETENSORS}",
        ),
        ([layer(f"{DOCKER_AI}dduf")], {}, {}, "the Docker Model Runner image has dduf weights"),
        ([layer(f"{WEIGHT}safetensors")], {}, {}, f"the ModelPack image has {SAFETENSORS}"),
        ([layer(f"{WEIGHT}raw", "a.safetensors")], {}, {}, f"the ModelPack image has {SAFETENSORS}"),
        ([layer(f"{WEIGHT}tar", "b/a.onnx")], {}, {}, "the ModelPack image has onnx weights"),
        (
            [layer(f"{WEIGHT}raw")],
            {"config": {"format": "safetensors"}},
            {"config": MODELPACK_CONFIG},
            f"the ModelPack image has {SAFETENSORS}",
        ),
        (
            [layer(f"{WEIGHT}raw", "tiny.gguf"), layer(f"{WEIGHT}raw", "vocabulary.bin")],
            {},
            {},
            "the ModelPack image has the weights 'vocabulary.bin' beside others",
        ),
        ([layer(f"{WEIGHT}raw"), layer(f"{WEIGHT}raw")], {}, {}, "has the weights '' beside others"),
        ([layer(f"{WEIGHT}tar+lz4")], {}, {}, "weights compressed by lz4: push it uncompressed or with gz"),
        (
            [layer(GGUF, "tiny-Q4.gguf"), layer(GGUF, "tiny-Q8.gguf")],
            {},
            {},
            "has 2 models, 'tiny-Q4.gguf', 'tiny-Q8.gguf': push it with the one",
        ),
        ([layer(GGUF, "a-00001-of-00003.gguf")], {}, {}, "has 1 of a model's 3 shards: push all of them"),
        ([layer(GGUF, "a-00001-of-00002.gguf")] * 2, {}, {}, "or one of them twice: push all shards of one"),
        (
            [layer(GGUF, "a-00001-of-00002.gguf"), layer(GGUF, "b-00002-of-00002.gguf")],
            {},
            {},
            "has shards of several models",
        ),
        ([layer(GGUF, "a-00001-of-00002.gguf"), layer(GGUF)], {}, {}, "has shards of several models"),
        (
            [layer("application/vnd.docker.image.rootfs.diff.tar.gzip")],
            {"config": {"Env": []}, "rootfs": {"type": "layers", "diff_ids": []}},
            {"config": DOCKER_CONFIG},
            "the image is a container image, not a model: name a model's image, or push the GGUF",
        ),
        ([layer(UNTYPED, "tiny.gguf", TITLE)], {}, {"config": OCI_CONFIG}, "is a container image, not a mo"),
        (
            [(UNTYPED, {TITLE: "a.gguf", "io.deis.oras.content.unpack": "true"})],
            {},
            {},
            "is a container image, not a model",
        ),
        ([layer(BYTES, "README.md", TITLE)], {}, {"artifact": "application/x-notes"}, "'application/x-note"),
        ([layer("application/vnd.example.tar+gzip", "a.gguf")], {}, {}, "has no model: push it with a GGUF"),
        ([], {}, {}, "has no model: push it with a GGUF file as a layer"),
    ],
)
def test_what_is_refused(layers: list[Layer], document: object, kind: dict[str, str], message: str) -> None:
    with pytest.raises(UnservableImage, match=f"^[^\n]*{message}[^\n]*$"):
        read(layers, document, **kind)


def test_a_configuration_that_is_none() -> None:
    with pytest.raises(InvalidManifest, match="model_type: expected a string"):
        read_ollama("model", document={"model_type": 1})


def test_names_of_others_are_never_names_of_files() -> None:
    image = read(
        [
            layer(GGUF, "../../../etc/passwd.gguf"),
            layer(f"{GGUF}.lora", "/etc/shadow"),
            layer(f"{DOCKER_AI}license", "a\0b\n"),
        ]
    )
    assert [part.file_name for part in image.parts] == ["model.gguf", "adapter-0.gguf", "license-0"]


KINDS = st.sampled_from(
    [
        *ROLES,
        *(f"{OLLAMA}{name}" for name in ("embed", "tensor", "json", "?")),
        *(f"{WEIGHT}{form}" for form in ("tar", "tar+gzip", "tar+zstd", "tar+", "safetensors")),
        *(f"{KIT}{name}" for name in ("model.v1.tar", "modelpart.v1.tar+gzip", "docs.v1.tar")),
        f"{CNCF}doc.v1.raw",
        f"{DOCKER_AI}model.file",
        BYTES,
        UNTYPED,
        "",
    ]
)
PATHS = st.text(max_size=8) | st.sampled_from(
    [
        "a.gguf",
        "a-00001-of-00002.gguf",
        "a-00002-of-00002.gguf",
        "LICENSE",
        "chat_template.jinja",
        "../b.gguf",
    ]
)
LAYERS = st.fixed_dictionaries(
    {
        "mediaType": KINDS,
        "digest": st.integers(0, 3).map(digest),
        "size": st.integers(0, 2**40),
        "annotations": st.dictionaries(st.sampled_from([PATH, TITLE]), PATHS, max_size=2),
    }
)
FIELDS = st.sampled_from(["config", "model", "format", "path", "parts", "rootfs", "model_format"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=3),
    max_leaves=8,
)
CONFIGS = st.sampled_from(
    [DOCKER_CONFIG, OCI_CONFIG, OCI_EMPTY, MODELPACK_CONFIG, KITOPS_CONFIG, *MODEL_RUNNER_CONFIGS, "x"]
)
ARTIFACTS = st.sampled_from(["", *MODELPACK_ARTIFACTS, "application/vnd.gguf"])


@given(st.lists(LAYERS | JSON, max_size=5), CONFIGS, ARTIFACTS, JSON)
@settings(max_examples=150)
def test_any_json_is_an_image_or_one_line(
    layers: list[Any], config: str, artifact: str, document: object
) -> None:
    raw = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact,
        "config": {"mediaType": config, "digest": digest(9), "size": 2},
        "layers": layers,
    }
    try:
        parsed = parse_manifest(json.dumps(raw).encode())
        assert not isinstance(parsed, Index)
        image = read_model_image(parsed, json.dumps(document).encode())
    except ImageError as error:
        assert "\n" not in str(error)
        return
    names = [part.file_name for part in image.parts]
    assert len(set(names)) == len(names)
    assert image.of(Role.MODEL)
    assert all(name.replace("-", "").replace("_", "").replace(".", "").isalnum() for name in names)
    assert all(part.descriptor in parsed.layers for part in image.parts)
    assert all("\n" not in warning for warning in image.warnings)
