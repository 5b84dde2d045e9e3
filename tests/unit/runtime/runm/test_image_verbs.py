from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from runtime.content.errors import UnknownBlob, UnknownName
from runtime.imagestore import ImageStore
from runtime.imagestore.errors import ImageInUse
from runtime.imagestore.store import USED_BY
from runtime.runm.cli import cli

from .conftest import Runm


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
    second = {"name": "registry.example/team/tiny:v1", "digest": image}
    assert json.loads(runm("tag", "--format", "json", "tiny", "registry.example/team/tiny:v1")) == second
    assert runm("rm", "tiny") == "removed tiny, freed 0 B; another name needs its blobs\n"
    with pytest.raises(UnknownName):
        runm("rm", "tiny")
    assert runm("rm", "registry.example/team/tiny:v1").startswith("removed registry.example/team/tiny:v1, ")
    assert len(runm("list").splitlines()) == 1
    runm("create", "one")
    (gone,) = json.loads(runm("rm", "--format", "json", "one", "one:latest"))
    assert (gone["name"], gone["digest"], gone["blobs"]) == ("one:latest", image, 8)
    assert gone["freed"] > 0


def test_an_image_that_is_used_is_removed_by_force_only(runm: Runm, image: str, tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    snapshot = store.unpack(store.get("tiny"))
    store.snapshots.view("a" * 64, snapshot, {USED_BY: "container main of pod n/one"})
    runm("tag", "tiny", "again")
    assert runm("rm", "again") == "removed again, freed 0 B; another name needs its blobs\n"
    with pytest.raises(ImageInUse, match=r"tiny is used by container main of pod n/one; .* --force$"):
        runm("rm", "tiny")
    store.snapshots.view("b" * 64, snapshot)
    runm("tag", "tiny", "again")
    with pytest.raises(ImageInUse, match="used by container bbbbbbbbbbbb and 1 more;"):
        runm("rm", "tiny", "again")
    assert len(runm("list").splitlines()) == 3
    assert "another name" not in runm("rm", "--force", "tiny", "again").splitlines()[1]


def test_an_image_that_is_served_by_hand_is_removed_by_force_only(
    runm: Runm, image: str, tmp_path: Path
) -> None:
    store = ImageStore(tmp_path / "images")
    with store.served(store.get("tiny")) as folder:
        with pytest.raises(ImageInUse, match=r"tiny is used by `runm serve`; end it first, or say --force$"):
            runm("rm", "tiny")
        store.snapshots.view("a" * 64, image, {USED_BY: "container main of pod n/one"})
        with pytest.raises(ImageInUse, match=r"container main of pod n/one and 1 more; delete its pod first"):
            runm("rm", "tiny")
        store.snapshots.remove("a" * 64)
        assert runm("rm", "--force", "tiny").startswith("removed tiny, ")
        runm("prune", "--grace", "0")
        assert (folder / "model.gguf").exists()
    runm("prune", "--grace", "0")
    assert not folder.exists()


def test_an_image_without_its_manifest_is_told_and_removed(runm: Runm, image: str, tmp_path: Path) -> None:
    (manifest,) = tmp_path.rglob(image.removeprefix("sha256:"))
    manifest.unlink()
    listed = CliRunner().invoke(cli, ["list"])
    assert len(listed.stdout.splitlines()) == 1
    assert listed.stderr.startswith("runm: 1 image is not shown")
    with pytest.raises(UnknownBlob):
        runm("show", "tiny")
    assert runm("rm", "tiny") == "removed tiny, freed 0 B; `runm prune` removes what it kept\n"
    assert "removed 7 blobs" in runm("prune", "--grace", "0")
    assert runm("verify") == "0 images, all blobs as their digests say\n"
