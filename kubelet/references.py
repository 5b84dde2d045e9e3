"""ConfigMaps and Secrets that pods of this node name, each asked for by its name, as a node identity must.

A copy that is young enough is given again; with the API server away an older one is better than none, as
containers must be able to start again meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bronzewillow.kube.errors import Forbidden, KubeError, NotFound
from bronzewillow.kube.resources import CONFIG_MAPS, SECRETS, Object, Resource

FRESH = 2_000_000
"""Microseconds that a copy counts as new when a container or a volume is made: pods come in groups."""
_FORGOTTEN_AFTER = 600_000_000


class Getter(Protocol):
    """The part of `KubeClient` that is needed."""

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Object:
        """One object. KubeError."""


@dataclass(slots=True)
class _Copy:
    object: Object | None
    asked: int
    """Instant before the API server was asked."""
    used: int


class References:
    """Reads the ConfigMaps and Secrets that pods of one node name, and keeps them."""

    def __init__(self, getter: Getter, now: Callable[[], int]) -> None:
        self._getter, self._now = getter, now
        self._copies: dict[tuple[str, str, str], _Copy] = {}
        self._locks: defaultdict[tuple[str, str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def config_map(self, namespace: str, name: str, max_age: int = FRESH) -> Object | None:
        """None: there is none. KubeError when nobody can say."""
        return await self._get(CONFIG_MAPS, namespace, name, max_age)

    async def secret(self, namespace: str, name: str, max_age: int = FRESH) -> Object | None:
        """None: there is none. KubeError when nobody can say."""
        return await self._get(SECRETS, namespace, name, max_age)

    async def hold(self, config_maps: set[tuple[str, str]], secrets: set[tuple[str, str]]) -> None:
        """Have a copy of all of these (namespace, name), which pods name: with the API server away they start
        again from it. What nobody names, and nobody has asked for in ten minutes, is forgotten.
        """
        wanted = {(CONFIG_MAPS, *each) for each in config_maps} | {(SECRETS, *each) for each in secrets}
        kept = {(resource.plural, namespace, name) for resource, namespace, name in wanted}
        limit = self._now() - _FORGOTTEN_AFTER
        for key in [key for key, copy in self._copies.items() if copy.used < limit and key not in kept]:
            del self._copies[key]
            self._locks.pop(key, None)
        for resource, namespace, name in wanted:
            if (resource.plural, namespace, name) not in self._copies:
                with contextlib.suppress(KubeError):  # whoever needs it will be told
                    await self._get(resource, namespace, name, FRESH)

    async def _get(self, resource: Resource, namespace: str, name: str, max_age: int) -> Object | None:
        key = (resource.plural, namespace, name)
        async with self._locks[key]:
            now = self._now()
            copy = self._copies.get(key)
            if copy is not None and (now - copy.asked <= max_age or _is_immutable(copy.object)):
                copy.used = now
                return copy.object
            try:
                found: Object | None = await self._getter.get(resource, name, namespace)
            except NotFound:
                found = None
            except Forbidden:
                raise
            except KubeError:
                if copy is None or copy.object is None:
                    raise
                copy.used = now
                return copy.object
            self._copies[key] = _Copy(found, now, now)
            return found


def _is_immutable(found: Object | None) -> bool:
    return found is not None and found.get("immutable") is True
