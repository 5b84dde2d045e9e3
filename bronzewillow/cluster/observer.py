"""A copy of the objects that tell of a cluster's network, kept by one reflector for each set.

A kind that the cluster does not know is absent, and asked for again: a CRD may come later. A kind that we may
not read is absent, too, and told.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from functools import partial

from bronzewillow.adapters import network
from bronzewillow.adapters.network import Cluster, Json
from bronzewillow.cluster.watched import Watched
from bronzewillow.host.tasks import spawn
from bronzewillow.kube.cache import Change
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import Forbidden, NotFound
from bronzewillow.kube.listwatch import ListWatchConfig
from bronzewillow.kube.reflector import Reflector
from bronzewillow.kube.resources import name_of


class Observer:
    """Watches sets of objects; `changed` is set whenever one of them is no longer what it was."""

    def __init__(self, client: KubeClient, listing: ListWatchConfig | None = None) -> None:
        self._client = client
        self._listing = listing
        self._reflectors: dict[Watched, Reflector] = {}
        self._tasks: dict[Watched, asyncio.Task[None]] = {}
        self._answered = asyncio.Event()
        self._versions: Counter[Watched] = Counter()
        self.changed = asyncio.Event()

    def watch(self, sets: Iterable[Watched]) -> None:
        """Watch these and no others."""
        wanted = set(sets)
        for gone in [watched for watched in self._tasks if watched not in wanted]:
            self._tasks.pop(gone).cancel()
            del self._reflectors[gone]
        for watched in wanted - set(self._tasks):
            reflector = Reflector(
                self._client,
                watched.resource,
                partial(self._on_changes, watched),
                watched.selection,
                config=self._listing,
                on_failure=self._answered.set,
            )
            self._reflectors[watched] = reflector
            self._tasks[watched] = spawn(reflector.run(), name=f"watch {watched.resource.plural}")

    async def settled(self) -> None:
        """Wait until each set is known, or known to be absent. Without an API server that takes its time."""
        while not all(map(_is_known, self._reflectors.values())):
            self._answered.clear()
            await self._answered.wait()

    def cluster(self) -> Cluster:
        """The objects now."""
        found: dict[network.Resource, dict[str, Json]] = {}
        for watched, reflector in self._reflectors.items():
            if reflector.is_synced:
                kind = found.setdefault(watched.key, {})
                for obj in reflector.cache.values():
                    namespace, name = name_of(obj)
                    kind[f"{namespace}/{name}" if namespace else name] = obj
        return Cluster(found)

    def version(self, *sets: Watched) -> tuple[int, ...]:
        """Another one after each change of these sets."""
        return tuple(self._versions[watched] for watched in sets)

    def missing_rights(self) -> tuple[str, ...]:
        """What we may not read, each in one line."""
        found = {
            f"may not list {watched.key}"
            + (f" in {watched.selection.namespace}" if watched.selection.namespace else "")
            for watched, reflector in self._reflectors.items()
            if isinstance(reflector.last_error, Forbidden)
        }
        return tuple(sorted(found))

    def trouble(self) -> str:
        """Why the copy may be old; empty while all is well."""
        for reflector in self._reflectors.values():
            if reflector.last_error is not None and not isinstance(
                reflector.last_error, NotFound | Forbidden
            ):
                return str(reflector.last_error)
        return ""

    def close(self) -> None:
        """Stop watching; the copy stays."""
        for task in self._tasks.values():
            task.cancel()

    def _on_changes(self, watched: Watched, changes: list[Change]) -> None:
        self._versions[watched] += 1
        self._answered.set()
        self.changed.set()


def _is_known(reflector: Reflector) -> bool:
    return reflector.is_synced or isinstance(reflector.last_error, NotFound | Forbidden)
