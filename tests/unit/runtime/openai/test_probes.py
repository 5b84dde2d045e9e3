"""GET /health and /metrics."""

from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.testing import aio
from runtime.openai.service import Phase


@pytest.mark.loopback
def test_health_follows_the_phase(serving: Any) -> None:
    async def main() -> None:
        async with serving(load=False) as api:
            for phase, status in ((Phase.LOADING, 503), (Phase.READY, 200), (Phase.DRAINING, 503)):
                api.service.phase = phase
                for path in ("/health", "/v1/health"):
                    async with api.client.get(path) as answer:
                        assert answer.status == status
                        assert ("Retry-After" in answer.headers) == (status == 503)

    aio.run(main())


@pytest.mark.loopback
def test_metrics(serving: Any) -> None:
    async def main() -> str:
        async with serving() as api:
            await api.chat()
            await api.chat(model="nobody")
            async with api.client.get("/metrics") as answer:
                assert answer.headers["Content-Type"].startswith("text/plain")
                return str(await answer.text())

    text = aio.run(main())
    lines = text.splitlines()
    assert "llamacpp:tokens_predicted_total 3.0" in lines
    assert 'vllm:generation_tokens_total{model_name="host.example/team/tiny:1b"} 3.0' in lines
    assert 'runm_requests_total{route="/v1/chat/completions",status="200"} 1.0' in lines
    assert 'runm_requests_total{route="/v1/chat/completions",status="404"} 1.0' in lines
    assert 'vllm:time_to_first_token_seconds_count{model_name="host.example/team/tiny:1b"} 1.0' in lines
    assert "_created" not in text
