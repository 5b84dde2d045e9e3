"""GET /v1/models."""

from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.testing import aio


@pytest.mark.loopback
def test_list_and_one(serving: Any) -> None:
    async def main() -> None:
        async with serving() as api:
            async with api.client.get("/v1/models") as answer:
                (model,) = (await answer.json())["data"]
            assert (model["id"], model["object"], model["created"]) == (
                "host.example/team/tiny:1b",
                "model",
                7,
            )
            assert model["meta"]["n_ctx"] == 64 and model["aliases"] == ["pet"]
            assert "tools" in model["capabilities"]
            for name in ("pet", "team/tiny:1b", "host.example/team/tiny:1b"):
                async with api.client.get(f"/v1/models/{name}") as answer:
                    assert (await answer.json()) == model
            async with api.client.get("/v1/models/none") as answer:
                assert answer.status == 404
                assert (await answer.json())["error"]["code"] == "model_not_found"

    aio.run(main())
