"""Errors of the model's file, as a user reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.engine.interface import LoadError
from runtime.engine.model_file import open_model


def test_errors_name_the_file_and_the_fault(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"nothing\.gguf: no such file"):
        open_model(tmp_path / "nothing.gguf")
    with pytest.raises(LoadError, match="is a folder"):
        open_model(tmp_path)
    (tmp_path / "x.gguf").write_text("<html>")
    with pytest.raises(LoadError, match=r"x\.gguf: not a GGUF file"):
        open_model(tmp_path / "x.gguf")
