from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.images.parameters import Parameters
from runtime.runm.model_folder import ModelFolder, ModelFolderError, read_model_folder
from runtime.templates.chat import parse_chat_template


def test_all_that_may_be_there(tmp_path: Path) -> None:
    for name in ("model.gguf", "mmproj.gguf", "adapter-10.gguf", "adapter-2.gguf", "license-0"):
        (tmp_path / name).touch()
    (tmp_path / "system").write_text("be brief")
    (tmp_path / "template").write_text("{{ .Prompt }}")
    (tmp_path / "params.json").write_text('{"num_ctx":512,"stop":["a"]}')
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    (tmp_path / "messages.json").write_text(json.dumps([{"role": "user", "content": "x", "odd": 1}]))
    assert read_model_folder(tmp_path) == ModelFolder(
        tmp_path / "model.gguf",
        (tmp_path / "adapter-2.gguf", tmp_path / "adapter-10.gguf"),
        tmp_path / "mmproj.gguf",
        "{{ messages }}",
        parse_chat_template("{{ .Prompt }}"),
        "be brief",
        ({"role": "user", "content": "x"},),
        Parameters({"num_ctx": 512, "stop": ("a",)}),
    )


def test_shards_are_named_by_their_first(tmp_path: Path) -> None:
    for number in (2, 1, 3):
        (tmp_path / f"model-0000{number}-of-00003.gguf").touch()
    assert read_model_folder(tmp_path).model == tmp_path / "model-00001-of-00003.gguf"


def test_an_empty_folder_is_for_engines_without_a_model(tmp_path: Path) -> None:
    assert read_model_folder(tmp_path) == ModelFolder(None)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("system", b"\xff", "system: is not UTF-8 text"),
        ("system", bytes(5 << 20), "system: more than 4 MiB"),
        ("template", b"{{ .Prompt", "template: template:1: "),
        ("params.json", b'{"num_ctx":"x"}', "params.json: parameter 'num_ctx': expected a whole number"),
        ("messages.json", b"{", "messages.json: is not JSON"),
        ("messages.json", b'[{"role": 1}]', "messages.json: is no list of messages"),
        ("messages.json", b"5", "messages.json: is no list of messages"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelFolderError, match=why):
        read_model_folder(tmp_path)
    with pytest.raises(ModelFolderError, match="is no folder"):
        read_model_folder(tmp_path / name)
