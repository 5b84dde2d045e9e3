from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from runtime.content.errors import UnknownName
from runtime.imagestore.errors import ArchiveError
from runtime.runm.cli import cli

from .conftest import Runm

MODELFILE = """FROM tiny.gguf
SYSTEM be brief
PARAMETER stop a
PARAMETER num_ctx 64
TEMPLATE {{ .Prompt }}
MESSAGE user hi
LICENSE free
"""


@pytest.fixture
def image(runm: Runm, gguf: Path, tmp_path: Path) -> str:
    (tmp_path / "Modelfile").write_text(MODELFILE)
    return runm("create", "tiny").partition("@")[2].strip()


def test_list(runm: Runm, image: str) -> None:
    head, row = runm("list").splitlines()
    assert head.split() == ["NAME", "ID", "SIZE", "MODIFIED"]
    assert row.split() == ["tiny:latest", image[7:19], *row.split()[2:4], "just", "now"]
    (found,) = json.loads(runm("list", "--format", "json"))
    assert (found["name"], found["digest"]) == ("tiny:latest", image)


def test_show_and_inspect(runm: Runm, image: str, tmp_path: Path) -> None:
    text = runm("show", "tiny")
    for word in ("llama", "num_ctx 64", "be brief", "free", "{{ .Prompt }}", "user: hi"):
        assert word in text
    assert runm("show", "tiny", "--system") == "be brief\n"
    assert runm("show", "tiny", "--template") == "{{ .Prompt }}\n"
    shown = json.loads(runm("show", "tiny", "--format", "json"))
    assert shown["model"]["architecture"] == "llama"
    assert shown["parameters"] == {"num_ctx": 64, "stop": ["a"]}
    assert shown["messages"] == [{"role": "user", "content": "hi"}]
    assert (shown["system"], shown["template"], shown["licenses"]) == ("be brief", "{{ .Prompt }}", ["free"])
    assert (shown["name"], shown["size"]) == ("tiny:latest", int(shown["size"]))
    with pytest.raises(click.UsageError, match="say one of --system and --template"):
        runm("show", "tiny", "--system", "--template")
    runm("create", "bare", "--model", "tiny.gguf")
    assert runm("show", "bare", "--system") == ""
    (tmp_path / "Modelfile").write_text(runm("show", "tiny", "--modelfile"))
    assert (tmp_path / "Modelfile").read_text().startswith("FROM tiny\n")
    assert runm("create", "again").partition("@")[2].strip() == image
    found = json.loads(runm("inspect", image[7:19]))
    assert [layer["mediaType"].rpartition(".")[2] for layer in found["layers"]] == [
        "model", "template", "system", "params", "messages", "license",
    ]  # fmt: skip


def test_tag_and_rm(runm: Runm, image: str) -> None:
    runm("tag", "tiny", "registry.example/team/tiny:v1")
    assert runm("rm", "tiny") == "removed tiny, freed 0 B; another name needs its blobs\n"
    with pytest.raises(UnknownName):
        runm("rm", "tiny")
    assert runm("rm", "registry.example/team/tiny:v1").startswith("removed registry.example/team/tiny:v1, ")
    assert len(runm("list").splitlines()) == 1


def test_save_and_load(runm: Runm, image: str, tmp_path: Path) -> None:
    runm("save", "-o", "tiny.tar", "tiny")
    runm("rm", "tiny")
    assert runm("load", "-i", "tiny.tar") == "loaded tiny\n"
    assert image[7:19] in runm("list")
    with pytest.raises(ArchiveError, match=r"none\.tar: No such file"):
        runm("load", "-i", "none.tar")
    with pytest.raises(ArchiveError, match="Modelfile: is no tar"):
        runm("load", "-i", "Modelfile")
    with pytest.raises(ArchiveError, match="standard input: is no tar"):
        runm("load", stdin="text")


def test_verify_and_prune(runm: Runm, image: str, tmp_path: Path) -> None:
    assert runm("verify") == "1 image, all blobs as their digests say\n"
    assert runm("prune").startswith("removed 0 blobs")
    (model,) = (tmp_path / "images/content/blobs/sha256").glob(
        json.loads(runm("inspect", "tiny"))["layers"][0]["digest"].partition(":")[2]
    )
    model.chmod(0o600)
    model.write_bytes(b"")
    assert cli.main(["verify"], standalone_mode=False) == 1
    assert not model.exists()
    assert runm("prune", "--grace", "0").startswith("removed 0 blobs")
