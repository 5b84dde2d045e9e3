"""POST /v1/embeddings."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from bronzewillow.testing import aio
from runtime.openai.embeddings import emit_vector


def test_vectors() -> None:
    assert emit_vector((1.0, -0.5), "float") == [1.0, -0.5]
    assert struct.unpack("<2f", base64.b64decode(emit_vector((1.0, -0.5), "base64"))) == (1.0, -0.5)


@pytest.mark.loopback
def test_answer(serving: Any) -> None:
    async def main() -> None:
        async with serving() as api:
            answer = await (await api.post("/v1/embeddings", {"input": ["a b", "c"]})).json()
            assert [row["index"] for row in answer["data"]] == [0, 1]
            assert len(answer["data"][0]["embedding"]) == 8
            assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
            assert api.service.admission.busy == 0

    aio.run(main())


@pytest.mark.loopback
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"input": ""},
        {"input": ["a", ""]},
        {"input": "a", "encoding_format": "hex"},
        {"input": "a", "dimensions": 2},
    ],
)
def test_refusals(serving: Any, body: dict[str, Any]) -> None:
    async def main() -> int:
        async with serving() as api:
            return int((await api.post("/v1/embeddings", body)).status)

    assert aio.run(main()) == 400


@pytest.mark.loopback
def test_switched_off(serving: Any) -> None:
    async def main() -> None:
        async with serving(embeddings=False) as api:
            answer = await api.post("/v1/embeddings", {"input": "a"})
            assert answer.status == 400
            assert "without embeddings" in (await answer.json())["error"]["message"]

    aio.run(main())
