from __future__ import annotations

import json

import pytest

from runtime.images.digest import digest_of
from runtime.images.media_types import Role
from runtime.imagestore.build import parameters_in_words
from runtime.imagestore.errors import BuildError

from .conftest import Workshop

ALL = '''
FROM tiny.gguf
FROM clip.gguf
ADAPTER lora.gguf
TEMPLATE """{{ .Prompt }}"""
SYSTEM be brief
PARAMETER stop a
PARAMETER stop b
PARAMETER num_ctx 64
MESSAGE user hi
MESSAGE assistant ho
LICENSE free
REQUIRES 0.1.0
'''


def test_every_instruction_is_a_layer_in_ollamas_form(workshop: Workshop) -> None:
    image = workshop.make("tiny", ALL)
    raw = image.manifest.raw
    assert raw.startswith(
        b'{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":'
        b'{"mediaType":"application/vnd.docker.container.image.v1+json","digest":"sha256:'
    )
    assert raw.endswith(b"]}\n")
    kinds = [
        layer.media_type.removeprefix("application/vnd.ollama.image.") for layer in image.manifest.layers
    ]
    assert kinds == [
        "model", "adapter", "projector", "template", "system", "params", "messages", "license",
    ]  # fmt: skip
    model = workshop.store.model_image(image)
    texts = {part.role: workshop.store.text(part) for part in model.parts[3:]}
    assert texts == {
        Role.TEMPLATE: "{{ .Prompt }}",
        Role.SYSTEM: "be brief",
        Role.PARAMS: '{"num_ctx":64,"stop":["a","b"]}\n',
        Role.MESSAGES: '[{"role":"user","content":"hi"},{"role":"assistant","content":"ho"}]\n',
        Role.LICENSE: "free",
    }
    assert (model.config.family, model.config.quantization, model.config.requires) == (
        "llama",
        "Q4_1",
        "0.1.0",
    )
    config = json.loads(workshop.store.content.blobs.read(image.manifest.config.digest, 10_000))
    assert config["rootfs"]["diff_ids"] == [layer.digest for layer in image.manifest.layers]
    weights = (workshop.folder / "tiny.gguf").read_bytes()
    assert image.manifest.layers[0].digest == digest_of(weights)


def test_the_same_modelfile_is_the_same_image(workshop: Workshop) -> None:
    assert workshop.make("a", ALL).id == workshop.make("b", ALL).id


def test_an_image_on_an_image_changes_what_it_says(workshop: Workshop) -> None:
    workshop.make("base", ALL)
    image = workshop.make("new", "FROM base\nSYSTEM be long\nPARAMETER num_ctx 32\nADAPTER lora.gguf")
    model = workshop.store.model_image(image)
    texts = {part.role: workshop.store.text(part) for part in model.parts if part.role not in (Role.MODEL,)}
    assert texts[Role.SYSTEM] == "be long"
    assert json.loads(texts[Role.PARAMS]) == {"num_ctx": 32, "stop": ["a", "b"]}
    assert texts[Role.TEMPLATE] == "{{ .Prompt }}"
    assert len(model.of(Role.ADAPTER)) == 1  # the same file twice is one layer
    assert model.config.family == "llama"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("FROM none.gguf", r"FROM .*none\.gguf: No such file"),
        ("FROM ./tiny", "FROM .*tiny: No such file"),
        ("FROM lora.gguf", "is an adapter; FROM takes the model"),
        ("FROM tiny.gguf\nADAPTER tiny.gguf", "is no adapter but a model"),
        ("FROM tiny.gguf\nADAPTER other.gguf", "is for qwen2, the model is llama"),
        ("FROM tiny.gguf\nADAPTER none.gguf", r"ADAPTER none\.gguf: no file"),
        ("FROM tiny.gguf\nFROM tiny.gguf", "a second model"),
        ("FROM tiny.gguf\nTEMPLATE {{ .Prompt", "TEMPLATE: template:1: .*a template of Go's"),
    ],
)
def test_mistakes_are_one_line(workshop: Workshop, text: str, why: str) -> None:
    with pytest.raises(BuildError, match=why) as raised:
        workshop.make("x", text)
    assert "\n" not in str(raised.value)
    assert not list(workshop.store.images())


@pytest.mark.parametrize(
    ("count", "words"),
    [(999, "999"), (1500, "1.5K"), (134_515_008, "134.52M"), (7_241_732_096, "7.2B"), (10**12, "1.0T")],
)
def test_counts(count: int, words: str) -> None:
    assert parameters_in_words(count) == words
