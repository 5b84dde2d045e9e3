"""A copy of the objects that tell of a cluster's network, kept by one reflector for each set.

A kind that the cluster does not know is absent, and asked for again: a CRD may come later. A kind that we may
not read is absent, too, and told.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from bronzewillow.adapters import network
from bronzewillow.adapters.network import Cluster, Json
from bronzewillow.cluster.trim import is_same, trim_of
from bronzewillow.cluster.watched import Watched
from bronzewillow.host.tasks import spawn
from bronzewillow.kube.cache import Change, ChangeType
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import Forbidden, NotFound
from bronzewillow.kube.listwatch import ListWatchConfig
from bronzewillow.kube.reflector import Reflector
from bronzewillow.kube.resources import name_of, uid_of

Listener = Callable[[list[Change]], None]
"""Told what has changed of a set, on the loop."""


class Observer:
    """Watches sets of objects; `changed` is set whenever one of them is no longer what it was."""

    def __init__(self, client: KubeClient, listing: ListWatchConfig | None = None) -> None:
        self._client = client
        self._listing = listing or ListWatchConfig()
        self._reflectors: dict[Watched, Reflector] = {}
        self._tasks: dict[Watched, asyncio.Task[None]] = {}
        self._quiet: frozenset[Watched] = frozenset()
        self._objects: dict[network.Resource, dict[str, Json]] = {}
        self._listeners: dict[Watched, Listener] = {}
        self._answered = asyncio.Event()
        self._versions: Counter[Watched] = Counter()
        self.changed = asyncio.Event()

    def listen(self, watched: Watched, listener: Listener) -> None:
        """From the first list on, of which all are told as added."""
        self._listeners[watched] = listener

    def watch(self, sets: Iterable[Watched], quiet: Iterable[Watched] = ()) -> None:
        """Watch these and no others. What is only among the quiet ones does not set `changed`."""
        stirring = set(sets)
        self._quiet = frozenset(quiet) - stirring
        wanted = stirring | self._quiet
        for gone in [watched for watched in self._tasks if watched not in wanted]:
            self._tasks.pop(gone).cancel()
            for obj in self._reflectors.pop(gone).cache.values():
                self._objects.get(gone.key, {}).pop(_full_name(obj), None)
        for watched in wanted - set(self._tasks):
            reflector = Reflector(
                self._client,
                watched.resource,
                partial(self._on_changes, watched),
                watched.selection,
                config=replace(
                    self._listing, page_items=watched.page_items, step_changes=watched.step_changes
                ),
                trim=trim_of(watched.resource),
                on_failure=self._answered.set,
            )
            self._reflectors[watched] = reflector
            self._tasks[watched] = spawn(reflector.run(), name=f"watch {watched.resource.plural}")

    async def settled(self) -> None:
        """Wait until each set that is not quiet is known, or known to be absent. Without an API server that
        takes its time.
        """
        while not self.knows(*(watched for watched in self._reflectors if watched not in self._quiet)):
            self._answered.clear()
            await self._answered.wait()

    def knows(self, *sets: Watched) -> bool:
        """Whether these are known, or known to be absent."""
        return all(one in self._reflectors and _is_known(self._reflectors[one]) for one in sets)

    def cluster(self) -> Cluster:
        """The objects, which change with every turn of the loop: `snapshot` for whoever takes longer."""
        there = {watched.key for watched, one in self._reflectors.items() if one.is_synced}
        return Cluster({key: self._objects.get(key, {}) for key in there})

    def snapshot(self) -> Cluster:
        """The objects now, of the sets that are not quiet."""
        loud = {watched.key for watched in self._reflectors if watched not in self._quiet}
        return Cluster({key: dict(kind) for key, kind in self.cluster().objects.items() if key in loud})

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
        kind = self._objects.setdefault(watched.key, {})
        for change in changes:
            _apply(kind, change)
        real = [one for one in changes if not (_is_modified(one) and is_same(one.old or {}, one.object))]
        self._answered.set()
        if changes and not real:
            return
        self._versions[watched] += 1
        if watched in self._listeners:
            self._listeners[watched](real)
        if watched not in self._quiet:
            self.changed.set()


def _apply(kind: dict[str, Json], change: Change) -> None:
    name = _full_name(change.object)
    if change.type is not ChangeType.DELETED:
        kind[name] = change.object
    elif name in kind and uid_of(dict(kind[name])) == uid_of(change.object):
        del kind[name]


def _is_modified(change: Change) -> bool:
    return change.type is ChangeType.MODIFIED and change.old is not None


def _full_name(obj: Json) -> str:
    namespace, name = name_of(dict(obj))
    return f"{namespace}/{name}" if namespace else name


def _is_known(reflector: Reflector) -> bool:
    return reflector.is_synced or isinstance(reflector.last_error, NotFound | Forbidden)
