"""What every engine keeps: the rules of runtime.engine.interface, against each of them.

`echo` runs always. The others need a model (BRONZEWILLOW_TEST_MODEL, or the fetched one) and are marked e2e;
llama-server is found by BRONZEWILLOW_LLAMA_SERVER or in PATH, llama-cpp-python by being installed.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import signal
import struct
import time
from collections.abc import Coroutine, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bronzewillow.testing.gguf import lora
from runtime.engine.interface import (
    ContextExceeded,
    Engine,
    EngineConfig,
    EngineError,
    Event,
    Finish,
    FinishReason,
    Generation,
    LoadError,
    ModelInfo,
    Piece,
    Progress,
    Unsupported,
    Usage,
)
from runtime.engine.registry import ENGINES

_T = TypeVar("_T")
_CONTEXT_TOKENS = 512
_PARALLEL = 3
_GREEDY = {"temperature": 0.0, "seed": 1, "cache_prompt": False}
_COUNT = ({"role": "user", "content": "Count from one to ten in words, like this: one two three four"},)


@dataclass(slots=True)
class Subject:
    """One loaded engine, and the loop that it lives on."""

    name: str
    engine: Engine
    info: ModelInfo
    runner: asyncio.Runner

    def run(self, main: Coroutine[Any, Any, _T], timeout_s: float = 1200.0) -> _T:
        async def bounded() -> _T:
            async with asyncio.timeout(timeout_s):
                return await main

        return self.runner.run(bounded())

    def answer(self, **fields: Any) -> list[Event]:
        return self.run(_events(self.engine, _chat(**fields)))


def _options() -> dict[str, str]:
    program = os.environ.get("BRONZEWILLOW_LLAMA_SERVER") or shutil.which("llama-server")
    return {"program": program} if program else {}


def _config(name: str, model: Path | None) -> EngineConfig:
    return EngineConfig(
        model or Path(), context_tokens=_CONTEXT_TOKENS, parallel=_PARALLEL, options=_options()
    )


def _require(name: str, model: Path | None) -> None:
    if name != "echo" and model is None:
        pytest.skip("no model: set BRONZEWILLOW_TEST_MODEL or run python -m runtime.models.smollm2")
    if name == "llama-server" and not _options():
        pytest.skip("no llama-server: set BRONZEWILLOW_LLAMA_SERVER")
    if name == "llama-cpp-python" and importlib.util.find_spec("llama_cpp") is None:
        pytest.skip("llama-cpp-python is not installed")


ALL = [
    pytest.param("echo"),
    pytest.param("xllamacpp", marks=pytest.mark.e2e),
    pytest.param("llama-server", marks=pytest.mark.e2e),
    pytest.param("llama-cpp-python", marks=pytest.mark.e2e),
]


REAL = ALL[1:]
"""Those that read a file and know grammars."""
PARALLEL = ALL[:3]
"""Those that serve several sequences at once; llama-cpp-python has one slot."""


@pytest.fixture(scope="module", params=ALL)
def subject(request: pytest.FixtureRequest, model_path: Path | None) -> Iterator[Subject]:
    name: str = request.param
    _require(name, model_path)
    with asyncio.Runner() as runner:
        engine = ENGINES[name](_config(name, model_path))
        info = runner.run(engine.load())
        yield Subject(name, engine, info, runner)
        runner.run(engine.close())


def _chat(choices: int = 1, messages: tuple[dict[str, Any], ...] = _COUNT, **options: Any) -> Generation:
    return Generation(messages=messages, choices=choices, options={**_GREEDY, **options})


async def _events(engine: Engine, request: Generation) -> list[Event]:
    async with aclosing(engine.generate(request)) as events:
        return [event async for event in events]


def _text(events: list[Event], choice: int = 0) -> str:
    return "".join(event.text for event in events if isinstance(event, Piece) and event.choice == choice)


def _finishes(events: list[Event]) -> dict[int, FinishReason]:
    return {event.choice: event.reason for event in events if isinstance(event, Finish)}


def _usage(events: list[Event]) -> Usage:
    assert isinstance(events[-1], Usage)
    return events[-1]


def test_load_tells_what_it_laid_out(subject: Subject) -> None:
    assert subject.info.context_tokens == _CONTEXT_TOKENS
    assert subject.info.slots == (1 if subject.name == "llama-cpp-python" else _PARALLEL)
    assert subject.info.chat and subject.info.completion
    assert subject.info.engine.startswith(subject.name)


def test_events_come_in_order(subject: Subject) -> None:
    events = subject.answer(max_tokens=6)
    kinds = [type(event) for event in events]
    assert kinds[0] is Progress
    assert kinds[-2:] == [Finish, Usage]
    assert kinds.count(Finish) == kinds.count(Usage) == 1
    first_piece = kinds.index(Piece)
    assert Progress not in kinds[first_piece:]
    assert _text(events)


def test_max_tokens_ends_with_length(subject: Subject) -> None:
    events = subject.answer(max_tokens=4)
    assert _finishes(events) == {0: FinishReason.LENGTH}
    assert _usage(events).completion_tokens == 4
    assert _usage(events).prompt_tokens >= 10


def test_raw_prompt_has_no_template(subject: Subject) -> None:
    request = Generation(prompt="one two three four", options={**_GREEDY, "max_tokens": 4})
    events = subject.run(_events(subject.engine, request))
    assert _text(events)
    assert _usage(events).prompt_tokens <= 6


def test_raw_prompt_as_token_ids(subject: Subject) -> None:
    request = Generation(prompt=(97, 98, 99), options={**_GREEDY, "max_tokens": 2})
    events = subject.run(_events(subject.engine, request))
    assert _usage(events).prompt_tokens == 3


def test_stop_string_is_not_said(subject: Subject) -> None:
    whole = _text(subject.answer(max_tokens=24))
    assert len(whole) > 12
    stop = whole[6:9]
    events = subject.answer(max_tokens=24, stop=[stop])
    assert _text(events) == whole[: whole.index(stop)]
    assert _finishes(events) == {0: FinishReason.STOP}


def test_equal_seeds_give_equal_texts(subject: Subject) -> None:
    texts = {_text(subject.answer(temperature=1.0, seed=42, max_tokens=12)) for _ in range(2)}
    assert len(texts) == 1


def test_other_seeds_give_other_texts(subject: Subject) -> None:
    texts = {_text(subject.answer(temperature=1.5, seed=seed, max_tokens=12)) for seed in range(4)}
    assert len(texts) > 1


@pytest.mark.parametrize("subject", PARALLEL, indirect=True)
def test_each_choice_finishes(subject: Subject) -> None:
    assert subject.info.slots > 1
    events = subject.answer(choices=2, temperature=1.0, max_tokens=5, ignore_eos=True)
    assert _finishes(events) == {0: FinishReason.LENGTH, 1: FinishReason.LENGTH}
    assert _text(events, 0) and _text(events, 1)
    assert _usage(events).completion_tokens == 10
    for choice in (0, 1):
        own = [event for event in events if isinstance(event, Piece | Finish) and event.choice == choice]
        assert isinstance(own[-1], Finish)


def test_pieces_never_end_inside_a_character(subject: Subject) -> None:
    emoji = ({"role": "user", "content": "Repeat exactly: 🎉🧶👩‍🚀 — ключ — 🎉🧶👩‍🚀"},)
    events = subject.answer(messages=emoji, max_tokens=40)
    for event in events:
        if isinstance(event, Piece):
            event.text.encode()
            assert "\ufffd" not in event.text


def test_long_prompt_is_refused_with_both_numbers(subject: Subject) -> None:
    long = ({"role": "user", "content": "word " * 2000},)

    async def first() -> None:
        async with aclosing(subject.engine.generate(_chat(messages=long))) as events:
            await anext(events)

    with pytest.raises(ContextExceeded) as caught:
        subject.run(first())
    assert caught.value.prompt_tokens >= 2000
    assert caught.value.context_tokens == _CONTEXT_TOKENS


@pytest.mark.parametrize("subject", PARALLEL, indirect=True)  # llama-cpp-python has no ignore_eos
def test_context_end_finishes_with_length(subject: Subject) -> None:
    long = ({"role": "user", "content": "word " * (_CONTEXT_TOKENS - 80)},)
    events = subject.answer(messages=long, ignore_eos=True)
    assert _finishes(events) == {0: FinishReason.LENGTH}
    used = _usage(events).prompt_tokens + _usage(events).completion_tokens
    assert abs(used - _CONTEXT_TOKENS) <= 1


def _endless() -> Generation:
    story = ({"role": "user", "content": "Tell a very long story about a river and a mill"},)
    return _chat(messages=story, max_tokens=400, ignore_eos=True)


async def _until_first_piece(events: Any) -> None:
    async for event in events:
        if isinstance(event, Piece):
            return


def test_closing_frees_the_slots(subject: Subject) -> None:
    async def main() -> tuple[float, float]:
        begun = time.monotonic()
        await _events(subject.engine, _endless())
        whole_s = time.monotonic() - begun
        running = [subject.engine.generate(_endless()) for _ in range(subject.info.slots)]
        for events in running:
            await _until_first_piece(events)
        started = time.monotonic()
        for events in running:
            await events.aclose()
        again = [subject.engine.generate(_endless()) for _ in range(subject.info.slots)]
        for events in again:
            await _until_first_piece(events)
        took_s = time.monotonic() - started
        for events in again:
            await events.aclose()
        return took_s, whole_s

    took_s, whole_s = subject.run(main())
    assert took_s < whole_s + 5.0


def test_cancelling_frees_the_slots(subject: Subject) -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def consume() -> None:
            async with aclosing(subject.engine.generate(_endless())) as events:
                await _until_first_piece(events)
                begun.set()
                async for _ in events:
                    pass

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(consume()) for _ in range(subject.info.slots)]
            await begun.wait()
            for task in tasks:
                task.cancel()
        events = await _events(subject.engine, _chat(max_tokens=3))
        assert _finishes(events) == {0: FinishReason.LENGTH}

    subject.run(main())


def test_several_at_once(subject: Subject) -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_events(subject.engine, _chat(max_tokens=5 + index, ignore_eos=True)))
                for index in range(subject.info.slots)
            ]
        assert [_usage(task.result()).completion_tokens for task in tasks] == list(range(5, 5 + len(tasks)))

    subject.run(main())


def test_json_schema_is_kept(subject: Subject) -> None:
    assert subject.info.json_schema
    schema = {
        "type": "object",
        "properties": {"colour": {"enum": ["red", "green"]}, "count": {"type": "integer", "maximum": 99}},
        "required": ["colour", "count"],
        "additionalProperties": False,
    }
    shape = {"type": "json_schema", "json_schema": {"name": "thing", "schema": schema}}
    value = json.loads(_text(subject.answer(response_format=shape, max_tokens=100)))
    assert value["colour"] in ("red", "green") and isinstance(value["count"], int)


def test_logprobs_belong_to_the_text(subject: Subject) -> None:
    if not subject.info.logprobs:
        with pytest.raises(Unsupported):
            subject.answer(logprobs=True, top_logprobs=2, max_tokens=4)
        return
    events = subject.answer(logprobs=True, top_logprobs=2, max_tokens=4)
    tokens = [one for event in events if isinstance(event, Piece) for one in event.logprobs]
    assert len(tokens) == 4
    assert b"".join(token.data for token in tokens).decode() == _text(events)
    for token in tokens:
        assert token.logprob <= 0
        assert len(token.top) <= 2
        assert token.top and token.top[0].logprob >= token.top[-1].logprob


def test_embeddings(subject: Subject) -> None:
    if not subject.info.embeddings:
        with pytest.raises(Unsupported):
            subject.run(subject.engine.embed(["a"]))
        return
    result = subject.run(subject.engine.embed(["river", "mill", "river", (97, 98)]))
    river, mill, again, _ = result.vectors
    assert len({len(vector) for vector in result.vectors}) == 1
    assert sum(a * b for a, b in zip(river, again, strict=True)) == pytest.approx(
        sum(a * a for a in river), rel=1e-3
    )
    assert river != mill
    assert result.prompt_tokens >= 4


def test_generation_works_after_embedding(subject: Subject) -> None:
    if not subject.info.embeddings:  # refused, as test_embeddings shows; generation goes on all the same
        with pytest.raises(Unsupported):
            subject.run(subject.engine.embed(["something else"]))
        assert _text(subject.answer(max_tokens=6))
        return
    before = _text(subject.answer(max_tokens=6))
    subject.run(subject.engine.embed(["something else"]))
    assert _text(subject.answer(max_tokens=6)) == before


@pytest.mark.parametrize("subject", REAL, indirect=True)
def test_broken_grammar_is_refused(subject: Subject) -> None:
    with pytest.raises(EngineError):
        subject.answer(grammar="root ::= (((", max_tokens=2)


def test_load_keeps_the_signal_handlers(subject: Subject, model_path: Path | None) -> None:
    received: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, lambda: received.append(1))
        engine = ENGINES[subject.name](_config(subject.name, model_path))
        await engine.load()
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(10):
            await asyncio.sleep(0)
        events = await _events(engine, _chat(max_tokens=2))
        assert _finishes(events) == {0: FinishReason.LENGTH}
        await engine.close()
        loop.remove_signal_handler(signal.SIGTERM)

    asyncio.run(main())
    assert received == [1]


@pytest.mark.parametrize("subject", REAL, indirect=True)
def test_broken_file_is_a_load_error(subject: Subject, tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 5, 5))
    with pytest.raises(LoadError, match="cut off"):
        asyncio.run(ENGINES[subject.name](_config(subject.name, path)).load())


@pytest.mark.parametrize("subject", REAL, indirect=True)
def test_the_reason_of_a_failed_load_is_told(subject: Subject, tmp_path: Path) -> None:
    path = tmp_path / "strange.gguf"
    path.write_bytes(_gguf_of_an_unknown_architecture())

    async def main() -> None:
        await ENGINES[subject.name](_config(subject.name, path)).load()

    # the other engine of this process is to have said all it had to say of what came before
    subject.run(_events(subject.engine, _chat(max_tokens=1)))
    with pytest.raises(LoadError, match="architecture"):
        asyncio.run(main())


def _gguf_of_an_unknown_architecture() -> bytes:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1)
    head += text("general.architecture") + struct.pack("<I", 8) + text("perpetuum")
    head += text("weight") + struct.pack("<I", 1) + struct.pack("<Q", 4) + struct.pack("<IQ", 0, 0)
    return head + bytes(-len(head) % 32) + bytes(32)


@pytest.mark.parametrize("name", REAL)
def test_an_adapter_changes_the_answer(name: str, model_path: Path | None, tmp_path: Path) -> None:
    _require(name, model_path)
    adapter = tmp_path / "noise.gguf"
    adapter.write_bytes(lora("llama", "blk.5.ffn_down.weight", 1536, 576, scale=2.0))

    async def answer(config: EngineConfig) -> str:
        engine = ENGINES[name](config)
        await engine.load()
        try:
            return _text(await _events(engine, _chat(max_tokens=12)))
        finally:
            await engine.close()

    config = replace(_config(name, model_path), parallel=1)
    plain = asyncio.run(answer(config))
    assert plain == asyncio.run(answer(config))
    assert plain != asyncio.run(answer(replace(config, adapters=(adapter,))))


@pytest.mark.parametrize("name", REAL)
def test_an_adapter_that_is_none_is_named(name: str, model_path: Path | None, tmp_path: Path) -> None:
    _require(name, model_path)
    other = tmp_path / "other.gguf"
    other.write_bytes(lora("falcon", "blk.0.attn_q.weight", 8, 8, scale=1.0))
    assert model_path is not None
    for adapters, why in (((other,), "is for falcon"), ((model_path,), "is no adapter")):
        engine = ENGINES[name](replace(_config(name, model_path), adapters=adapters))
        with pytest.raises(LoadError, match=f"{adapters[0]}: {why}"):
            asyncio.run(engine.load())
