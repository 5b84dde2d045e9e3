"""One chat completion, asked from the cluster side over the overlay, timed as it streams."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from bronzewillow.demo.errors import DemoError

MAX_TOKENS = 96


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model answered, and how long that took."""

    model: str
    text: str
    ttft_ms: float
    """From the request's first byte to the first token."""
    tokens: int
    tokens_per_s: float
    """After the first token."""


async def ask(
    connector: aiohttp.BaseConnector, url: str, prompt: str, on_text: Callable[[str], None]
) -> Answer:
    """Stream the answer of the model at `url`; `on_text` gets each piece as it arrives.

    DemoError when there is no whole answer.
    """
    try:
        return await _ask(connector, url, prompt, on_text)
    except aiohttp.ClientError as error:
        raise DemoError(f"the model's answer broke off: {error}") from None


async def _ask(
    connector: aiohttp.BaseConnector, url: str, prompt: str, on_text: Callable[[str], None]
) -> Answer:
    body = {
        "model": "default",
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": MAX_TOKENS,
        "temperature": 0,
        "seed": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    text, model, tokens, first_at = "", "", 0, 0.0
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=240)
    ) as session:
        async with session.get(f"{url}/v1/models") as response:
            body["model"] = (await response.json())["data"][0]["id"]
        asked_at = time.monotonic()
        async with session.post(f"{url}/v1/chat/completions", json=body) as response:
            if response.status != 200:
                raise DemoError(f"the model answered {response.status}: {await response.text()}")
            async for line in response.content:
                if not line.startswith(b"data: {"):
                    continue
                event = json.loads(line[6:])
                if event.get("error"):
                    raise DemoError(f"the model failed: {event['error'].get('message')}")
                model = event.get("model", model)
                for choice in event.get("choices", ()):
                    piece = choice.get("delta", {}).get("content")
                    if piece:
                        first_at = first_at or time.monotonic()
                        tokens += 1
                        text += piece
                        on_text(piece)
                if event.get("usage"):
                    tokens = event["usage"]["completion_tokens"]
    last_at = time.monotonic()
    if not first_at:
        raise DemoError("the model said nothing")
    rate = (tokens - 1) / (last_at - first_at) if tokens > 1 else 0.0
    return Answer(model, text, (first_at - asked_at) * 1000, tokens, rate)
