from __future__ import annotations

from pathlib import Path

from runtime.images.parameters import NO_PARAMETERS
from runtime.imagestore import ImageStore
from runtime.runm.image_facts import ImageFacts, image_facts

from .conftest import Runm


def test_of_a_file_alone(runm: Runm, gguf: Path, tmp_path: Path) -> None:
    runm("create", "tiny", "--model", str(gguf))
    store = ImageStore(tmp_path / "images")
    facts = image_facts(store, store.get("tiny"))
    assert facts.model["architecture"] == "llama"
    assert facts == ImageFacts(facts.model, NO_PARAMETERS, "", "", (), (), "FROM tiny\n", ())
    assert facts.to_json()["model"]["context_length"] == 0
    assert [facts.text(name) for name in ("parameters", "template", "messages", "license")] == [""] * 4


def test_weights_that_are_not_gguf_have_no_context_length(runm: Runm, gguf: Path, tmp_path: Path) -> None:
    runm("create", "tiny", "--model", str(gguf))
    store = ImageStore(tmp_path / "images")
    image = store.get("tiny")
    path = store.folder(image) / "model.gguf"
    path.chmod(0o600)
    path.write_bytes(bytes(path.stat().st_size))
    assert image_facts(store, image).model["context length"] == 0
