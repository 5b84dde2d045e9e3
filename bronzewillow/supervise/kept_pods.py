"""Pods that are there already, and that nobody has asked this node for: a former one has left them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc

from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import RuntimeServiceStub

_LIMIT_S = 5.0
_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class KeptPod:
    """One of them."""

    name: str
    """With its namespace."""
    since_ns: int
    """Since 1970."""


async def kept_pods(cri: Path) -> list[KeptPod]:
    """Those that run, by name; none where no runtime answers."""
    try:
        async with grpc.aio.insecure_channel(f"unix:{cri}") as channel:
            request = api.ListPodSandboxRequest()
            listed = await RuntimeServiceStub(channel).ListPodSandbox(request, timeout=_LIMIT_S)
    except grpc.aio.AioRpcError:
        return []
    return sorted(
        (
            KeptPod(f"{one.metadata.namespace}/{one.metadata.name}", one.created_at)
            for one in listed.items
            if one.state == api.PodSandboxState.SANDBOX_READY
        ),
        key=lambda pod: pod.name,
    )


def kept_line(pods: Sequence[KeptPod], *, keeps_pods: bool) -> str:
    """Which they are, since when, and with what they end. `keeps_pods`: whether this node keeps them, too."""
    named = [f"{pod.name} (since {_moment(pod.since_ns)})" for pod in pods[:_MOST_NAMES]]
    if len(pods) > _MOST_NAMES:
        named.append(f"{len(pods) - _MOST_NAMES} more")
    end = "a node that is started without --keep-pods" if keeps_pods else "this one"
    return f"pods of a former node go on: {', '.join(named)}; they end with {end}"


def _moment(ns: int) -> str:
    """In the time of this machine."""
    return f"{datetime.fromtimestamp(ns / 1e9, UTC).astimezone():%Y-%m-%d %H:%M:%S}"
