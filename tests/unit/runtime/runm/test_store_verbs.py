from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from runtime.imagestore.errors import ArchiveError
from runtime.runm.cli import cli

from .conftest import Runm


def test_save_and_load(runm: Runm, image: str, tmp_path: Path) -> None:
    runm("save", "-o", "tiny.tar", "tiny")
    runm("rm", "tiny")
    assert runm("load", "-i", "tiny.tar") == "loaded tiny\n"
    assert image[7:19] in runm("list")
    found = [{"name": "tiny:latest", "digest": image}]
    assert json.loads(runm("save", "--format", "json", "-o", "tiny.tar", "tiny")) == found
    assert json.loads(runm("load", "--format", "json", "-i", "tiny.tar")) == found
    with pytest.raises(click.UsageError, match="say --output FILE"):
        runm("save", "--format", "json", "tiny")
    with pytest.raises(ArchiveError, match=r"none\.tar: No such file"):
        runm("load", "-i", "none.tar")
    with pytest.raises(ArchiveError, match="Modelfile: is no tar"):
        runm("load", "-i", "Modelfile")
    with pytest.raises(ArchiveError, match="standard input: is no tar"):
        runm("load", stdin="text")


def test_verify_and_prune(runm: Runm, image: str, tmp_path: Path) -> None:
    assert runm("verify") == "1 image, all blobs as their digests say\n"
    assert json.loads(runm("verify", "--format", "json")) == {"images": 1, "problems": []}
    assert runm("prune").startswith("removed 0 blobs")
    assert json.loads(runm("prune", "--format", "json")) == {"blobs": 0, "freed": 0}
    (model,) = (tmp_path / "images/content/blobs/sha256").glob(
        json.loads(runm("inspect", "tiny"))["layers"][0]["digest"].partition(":")[2]
    )
    model.chmod(0o600)
    model.write_bytes(b"")
    assert cli.main(["verify"], standalone_mode=False) == 1
    assert not model.exists()
    assert runm("prune", "--grace", "0").startswith("removed 0 blobs")
