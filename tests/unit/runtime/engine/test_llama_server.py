"""The external server's arguments and its event stream; the rest is shown by the contract suite."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bronzewillow.testing import aio
from runtime.engine.interface import EngineConfig, LoadError
from runtime.engine.llama_server import LlamaServerEngine, _sse_data
from runtime.gguf import GgufHeader

HEADER = GgufHeader(3, {"general.architecture": "llama"}, 1, 1, 1)


def test_arguments(tmp_path: Path) -> None:
    config = EngineConfig(Path("m.gguf"), context_tokens=100, parallel=3, threads=2, chat_template="{{x}}")
    engine = LlamaServerEngine(config)
    engine._folder = tmp_path
    words = engine._arguments(HEADER, tmp_path / "key")
    assert words[words.index("--ctx-size") + 1] == "300"
    assert words[words.index("--threads") + 1] == "2"
    assert words[words.index("--pooling") + 1] == "mean"
    assert words[words.index("--host") + 1] == str(tmp_path / "s.sock")
    assert "--api-key" not in words  # a key on a command line is readable by all
    assert (tmp_path / "template.jinja").read_text() == "{{x}}"


def test_stream_is_cut_into_payloads_wherever_it_is_split() -> None:
    from aiohttp import StreamReader
    from aiohttp.base_protocol import BaseProtocol

    whole = ': ping\n\ndata: {"a":"ü"}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n'.encode()

    async def main(step: int) -> list[str]:
        loop = asyncio.get_running_loop()
        stream = StreamReader(BaseProtocol(loop), 2**16, loop=loop)
        for at in range(0, len(whole), step):
            stream.feed_data(whole[at : at + step])
        stream.feed_eof()
        return [data async for data in _sse_data(stream)]

    for step in (1, 2, 7, 1000):
        assert aio.run(main(step)) == ['{"a":"ü"}', '{"b":2}']


def test_missing_program_is_a_load_error(tmp_path: Path) -> None:
    engine = LlamaServerEngine(EngineConfig(Path(), options={"program": str(tmp_path / "none")}))
    with pytest.raises(LoadError, match="no such program"):
        engine._program()
