from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from runtime.images.errors import InvalidModelfile, InvalidReference
from runtime.imagestore.errors import BuildError

from .conftest import Runm


def test_of_a_file_and_of_a_modelfile(runm: Runm, gguf: Path, tmp_path: Path) -> None:
    one = runm("create", "one", "--model", str(gguf))
    (tmp_path / "Modelfile").write_text("FROM ./tiny.gguf")
    two = runm("create", "two")
    assert one.startswith("one@sha256:")
    made = json.loads(runm("create", "one", "--format", "json", "--model", str(gguf)))
    assert made == {"name": "one:latest", "digest": one.strip().partition("@")[2]}
    assert one.partition("@")[2] == two.partition("@")[2]
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "Other").write_text("FROM ../tiny.gguf\nPARAMETER mirostat 1")
    assert runm("create", "three", "-f", "folder/Other").partition("@")[2] == two.partition("@")[2]
    (tmp_path / "Modelfile").write_text("FROM one\nSYSTEM be brief")
    assert runm("create", "four").partition("@")[2] != two.partition("@")[2]


def test_mistakes(runm: Runm, gguf: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="Modelfile: No such file or directory; name a Modelfile"):
        runm("create", "one")
    with pytest.raises(BuildError, match="is not UTF-8 text; a GGUF file is named with --model"):
        (tmp_path / "binary").write_bytes(b"\xff\xfe")
        runm("create", "one", "-f", "binary")
    with pytest.raises(InvalidModelfile, match="text:1: unknown instruction 'FORM'; did you mean FROM"):
        (tmp_path / "text").write_text("FORM x")
        runm("create", "one", "-f", "text")
    with pytest.raises(InvalidReference):
        runm("create", "ONE", "--model", str(gguf))
    for arguments in (
        ("--bundle", "x", "--model", "y"),
        ("--pid-file", "x"),
        ("--file", "x", "--model", "y"),
    ):
        with pytest.raises(click.UsageError):
            runm("create", *arguments, "one")
