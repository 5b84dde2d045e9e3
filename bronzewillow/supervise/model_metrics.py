"""What a model's server tells of itself at /metrics, asked on its socket."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

_LIMIT_S = 10.0
_LONGEST_BYTES = 1 << 20
_RATE, _BUSY, _WAITING = (
    "llamacpp:predicted_tokens_seconds",
    "llamacpp:requests_processing",
    "llamacpp:requests_deferred",
)


@dataclass(frozen=True, slots=True)
class ModelMetrics:
    """What a model's server says of itself now."""

    tokens_per_s: float
    """Of the last answer; 0 before the first one."""
    requests_running: int
    requests_waiting: int


async def ask_metrics(socket: Path) -> ModelMetrics | None:
    """None when it does not serve, or does not say."""
    timeout = aiohttp.ClientTimeout(total=_LIMIT_S)
    try:
        connector = aiohttp.UnixConnector(str(socket))
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.get("http://model/metrics") as answer,
        ):
            if answer.status != 200:
                return None
            text = (await answer.content.read(_LONGEST_BYTES)).decode(errors="replace")
            while more := await answer.content.read(_LONGEST_BYTES - len(text)):
                text += more.decode(errors="replace")
    except (aiohttp.ClientError, OSError, ValueError, TimeoutError):
        return None
    return parse_metrics(text)


def parse_metrics(text: str) -> ModelMetrics | None:
    """Of the text that Prometheus reads; None when it is none."""
    found: dict[str, float] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name] = sample.value
        if _BUSY not in found:
            return None
        return ModelMetrics(found.get(_RATE, 0.0), int(found[_BUSY]), int(found.get(_WAITING, 0)))
    except (ValueError, OverflowError, IndexError, KeyError):
        return None
