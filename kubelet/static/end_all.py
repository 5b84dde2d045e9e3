"""The end of everything that a runtime runs: what a node does that is switched off in order."""

from __future__ import annotations

import asyncio
import logging

import grpc

from kubelet.static.cri import Cri
from kubelet.static.observed import ObservedPod

_TRIES = 40
_AGAIN_S = 0.25
_log = logging.getLogger(__name__)


async def end_all(cri: Cri) -> int:
    """The number of pods, static or not, that were ended. AioRpcError when some could not be."""
    ended = 0
    while pods := await _observe(cri):
        results = await asyncio.gather(*(_end(cri, pod) for pod in pods))
        ended += len(results)
    return ended


async def _observe(cri: Cri) -> list[ObservedPod]:
    """Of a runtime that may be starting again just now."""
    for _ in range(_TRIES):
        try:
            return await cri.observe(only_static=False)
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
        await asyncio.sleep(_AGAIN_S)
    return await cri.observe(only_static=False)


async def _end(cri: Cri, pod: ObservedPod) -> None:
    for _ in range(_TRIES):
        try:
            await cri.end(pod)
            _log.info("pod %s has ended", pod.full_name)
            return
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
        await asyncio.sleep(_AGAIN_S)
    await cri.end(pod)
