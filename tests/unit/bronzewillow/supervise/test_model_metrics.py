from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.supervise.model_metrics import ModelMetrics, ask_metrics, parse_metrics
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import Wire, unix_server

TEXT = """\
# HELP llamacpp:predicted_tokens_seconds Generated tokens per second, last request.
# TYPE llamacpp:predicted_tokens_seconds gauge
llamacpp:predicted_tokens_seconds 41.5
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 3.0
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred 2.0
"""


def test_what_llama_servers_say() -> None:
    assert parse_metrics(TEXT) == ModelMetrics(41.5, 3, 2)
    assert parse_metrics("llamacpp:requests_processing 0\n") == ModelMetrics(0.0, 0, 0)


@pytest.mark.parametrize("text", ["", "up 1\n", "llamacpp:requests_processing NaN\n", "a{b 1\n", "\0"])
def test_what_says_nothing(text: str) -> None:
    assert parse_metrics(text) is None


@given(st.text(max_size=100))
def test_any_text_is_an_answer_or_none(text: str) -> None:
    parse_metrics(text)
    parse_metrics("llamacpp:requests_processing" + text)


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (b"200 OK", TEXT.encode(), ModelMetrics(41.5, 3, 2)),
        (b"503 Busy", TEXT.encode(), None),
        (b"200 OK", b"llamacpp:requests_processing 1\n" + b"#" * (2 << 20), ModelMetrics(0.0, 1, 0)),
    ],
)
def test_it_is_asked_on_its_socket(
    tmp_path: Path, status: bytes, body: bytes, expected: ModelMetrics | None
) -> None:
    async def serve(wire: Wire) -> None:
        assert (await wire.request()).start_line == b"GET /metrics HTTP/1.1"
        wire.send(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

    async def main() -> None:
        async with unix_server(str(tmp_path / "s"), serve):
            assert await ask_metrics(tmp_path / "s") == expected
        assert await ask_metrics(tmp_path / "none") is None

    run(main())


@pytest.mark.loopback
def test_one_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bronzewillow.supervise.model_metrics._LIMIT_S", 0.1)

    async def serve(wire: Wire) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        async with unix_server(str(tmp_path / "s"), serve):
            assert await ask_metrics(tmp_path / "s") is None

    run(main())
