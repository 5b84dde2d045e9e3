"""The last requests of a replica that is told to end.

A kubelet sends SIGTERM when a pod is deleted, and the other nodes hear of it at the same time: until each of
them has taken the pod out of its Services, requests go on to come. Who stops to listen at once refuses them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from runtime.openai.service import Service

QUIET_S = 1.0
"""So long after the last request nobody is expected any more: a node hears of a change sooner."""
RECENT_S = 30.0
"""Who was not asked for so long is not waited for."""


def remaining_s(now_s: float, told_s: float, asked_s: float, limit_s: float) -> float:
    """How long to listen on, in seconds, after an order at `told_s` and the last request at `asked_s`."""
    if asked_s < told_s - RECENT_S:
        return 0.0
    end_s = min(max(asked_s, told_s) + QUIET_S, told_s + limit_s)
    return max(end_s - now_s, 0.0)


async def linger(service: Service, hurry: asyncio.Event, limit_s: float) -> None:
    """Serve on until no more requests come, `limit_s` have passed, or there is a hurry."""
    told_s = now_s = time.monotonic()
    while not hurry.is_set() and (left_s := remaining_s(now_s, told_s, service.asked_s, limit_s)):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left_s):
                await hurry.wait()
        now_s = time.monotonic()
