"""What the default engine tells llama.cpp; the rest is shown by the contract suite with a real model."""

from __future__ import annotations

from pathlib import Path

import pytest
import xllamacpp

from bronzewillow.testing import aio
from runtime.engine.interface import EngineConfig, LoadError
from runtime.engine.xllamacpp import XllamacppEngine
from runtime.gguf import GgufHeader


def params(config: EngineConfig) -> xllamacpp.CommonParams:
    header = GgufHeader(3, {"general.architecture": "llama"}, 1, 1, 1)
    return XllamacppEngine(config)._params(xllamacpp, header, Path("/run/x/s.sock"))


def test_the_traps_are_avoided() -> None:
    found = params(EngineConfig(Path("m.gguf"), context_tokens=1000, parallel=3, threads=2, cache_ram_mib=64))
    assert found.n_ctx == 3000  # the pool that slots share
    assert found.cpuparams.n_threads == found.cpuparams_batch.n_threads == 2
    assert found.cache_ram_mib == 64
    assert found.n_batch % 3 == 0 == found.n_ubatch % 3
    assert found.cors_origins == ""
    assert found.hostnames == ["/run/x/s.sock"]
    assert len(found.api_keys[0]) > 20


def test_missing_file_is_a_load_error() -> None:
    with pytest.raises(LoadError, match="no such file"):
        aio.run(XllamacppEngine(EngineConfig(Path("/nowhere.gguf"))).load())
