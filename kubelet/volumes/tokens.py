"""Tokens of service accounts for pods, asked for and renewed.

Renewed at 80 % of their life or after a day: kubernetes/kubernetes, pkg/kubelet/token/token_manager.go.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bronzewillow.kube.errors import KubeError
from bronzewillow.kube.resources import SERVICE_ACCOUNTS, Resource
from bronzewillow.kube.resources import Object as Json
from kubelet.model.pod_spec import Object, mapping, name, namespace, spec, text, uid
from kubelet.model.times import SECOND, parse_rfc3339

DEFAULT_LIFE_S = 3600
_RENEWED_AFTER = 0.8
_LONGEST = 24 * 3600 * SECOND
_MOST_JITTER = 10 * SECOND


class Requester(Protocol):
    """The part of `KubeClient` that is needed."""

    async def create_subresource(
        self, resource: Resource, name: str, subresource: str, obj: Json, namespace: str = ""
    ) -> Json:
        """The TokenRequest, answered. KubeError."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    renew_at: int
    """Microseconds since 1970."""
    ends_at: int


class Tokens:
    """Of all pods of a node."""

    def __init__(self, requester: Requester, wall: Callable[[], int], random: Callable[[], float]) -> None:
        """`wall`: microseconds since 1970; `random`: uniform in [0, 1)."""
        self._requester, self._wall, self._random = requester, wall, random
        self._tokens: dict[tuple[str, str, int], _Token] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def token(self, pod: Object, audience: str, life_s: int) -> str:
        """A token with enough of its life left. KubeError."""
        key = (uid(pod), audience, life_s)
        async with self._locks[uid(pod)]:
            now = self._wall()
            held = self._tokens.get(key)
            if held is not None and now < held.renew_at:
                return held.text
            try:
                fresh = await self._request(pod, audience, life_s, now)
            except KubeError:
                if held is None or now >= held.ends_at:
                    raise
                return held.text
            self._tokens[key] = fresh
            return fresh.text

    def forget(self, pod_uid: str) -> None:
        """The pod has ended."""
        for key in [key for key in self._tokens if key[0] == pod_uid]:
            del self._tokens[key]
        self._locks.pop(pod_uid, None)

    async def _request(self, pod: Object, audience: str, life_s: int, now: int) -> _Token:
        bound = {"kind": "Pod", "apiVersion": "v1", "name": name(pod), "uid": uid(pod)}
        request: Json = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": [audience] if audience else [],
                "expirationSeconds": life_s,
                "boundObjectRef": bound,
            },
        }
        account = text(spec(pod).get("serviceAccountName")) or "default"
        answer = mapping(
            (
                await self._requester.create_subresource(
                    SERVICE_ACCOUNTS, account, "token", request, namespace(pod)
                )
            ).get("status")
        )
        ends_at = parse_rfc3339(answer.get("expirationTimestamp")) or now + life_s * SECOND
        life = min(int((ends_at - now) * _RENEWED_AFTER), _LONGEST)
        return _Token(text(answer.get("token")), now + life - int(self._random() * _MOST_JITTER), ends_at)
