from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.testing.aio import run
from runtime.content.errors import UnknownName
from runtime.imagestore import ImageStore
from runtime.registry.client import ClientConfig
from runtime.runm.find_image import find_or_pull

from .conftest import Runm


def test_an_image_without_a_registry_is_not_looked_for_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(UnknownName):
        run(find_or_pull(ImageStore(tmp_path), "tiny", ClientConfig()))


def test_an_image_that_is_here_is_not_pulled(runm: Runm, gguf: Path, tmp_path: Path) -> None:
    runm("create", "registry.invalid/tiny", "--model", str(gguf))
    found = run(find_or_pull(ImageStore(tmp_path / "images"), "registry.invalid/tiny", ClientConfig()))
    assert found.reference.familiar == "registry.invalid/tiny"
