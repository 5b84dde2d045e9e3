"""What can be said without the library; the rest is shown by the contract suite where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bronzewillow.testing import aio
from runtime.engine.interface import EngineConfig, Generation, LoadError, Unsupported
from runtime.engine.llama_cpp_python import LlamaCppPythonEngine, _schema

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("options", "schema"),
    [
        ({}, None),
        ({"response_format": {"type": "json_object"}}, {"type": "object"}),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}}, SCHEMA),
        ({"json_schema": SCHEMA}, SCHEMA),
    ],
)
def test_schema(options: dict[str, Any], schema: Any) -> None:
    assert _schema(options) == schema


def test_what_it_lacks_is_refused() -> None:
    engine = LlamaCppPythonEngine(EngineConfig(Path()))

    async def main() -> None:
        with pytest.raises(Unsupported):
            await engine.embed(["a"])
        with pytest.raises(Unsupported):
            await anext(engine.generate(Generation(prompt="a", options={"logprobs": True})))
        with pytest.raises(LoadError, match="folder"):
            await engine.load()

    aio.run(main())
