"""The model that real engines are tried with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.models.smollm2 import FILE_NAME, default_folder


@pytest.fixture(scope="session")
def model_path() -> Path | None:
    """BRONZEWILLOW_TEST_MODEL, or the fetched SmolLM2; None where there is neither."""
    named = os.environ.get("BRONZEWILLOW_TEST_MODEL")
    path = Path(named) if named else default_folder() / FILE_NAME
    return path if path.is_file() else None
