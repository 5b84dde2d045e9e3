from __future__ import annotations

import json
from pathlib import Path

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
    assert (found["name"], found["digest"]) == ("library/tiny:latest", image)


def test_show_and_inspect(runm: Runm, image: str, tmp_path: Path) -> None:
    text = runm("show", "tiny")
    for word in ("llama", "num_ctx 64", "be brief", "free"):
        assert word in text
    assert runm("show", "tiny", "--system") == "be brief\n"
    assert runm("show", "tiny", "--template") == "{{ .Prompt }}\n"
    assert json.loads(runm("show", "tiny", "--format", "json"))["model"]["architecture"] == "llama"
    (tmp_path / "Modelfile").write_text(runm("show", "tiny", "--modelfile"))
    assert runm("create", "again").partition("@")[2].strip() == image
    found = json.loads(runm("inspect", image[7:19]))
    assert [layer["mediaType"].rpartition(".")[2] for layer in found["layers"]] == [
        "model", "template", "system", "params", "messages", "license",
    ]  # fmt: skip


def test_tag_and_rm(runm: Runm, image: str) -> None:
    runm("tag", "tiny", "registry.example/team/tiny:v1")
    assert runm("rm", "tiny") == "removed tiny, 0 B free\n"
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


def test_verify_and_prune(runm: Runm, image: str, tmp_path: Path) -> None:
    assert runm("verify") == ""
    assert runm("prune").startswith("removed 0 blobs")
    (model,) = (tmp_path / "images/content/blobs/sha256").glob(
        json.loads(runm("inspect", "tiny"))["layers"][0]["digest"].partition(":")[2]
    )
    model.chmod(0o600)
    model.write_bytes(b"")
    assert cli.main(["verify"], standalone_mode=False) == 1
    assert not model.exists()
    assert runm("prune", "--grace", "0").startswith("removed 0 blobs")
