"""Every engine can be named and made without its library."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.engine.interface import Engine, EngineConfig
from runtime.engine.registry import DEFAULT_ENGINE, ENGINES, MODELLESS_ENGINES


@pytest.mark.parametrize("name", ENGINES)
def test_engines(name: str) -> None:
    assert isinstance(ENGINES[name](EngineConfig(Path("x.gguf"))), Engine)


def test_names() -> None:
    assert DEFAULT_ENGINE in ENGINES
    assert set(ENGINES) >= MODELLESS_ENGINES
