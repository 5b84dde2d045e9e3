"""Objects with one counter of versions, and what happened to them: etcd and the watch cache. Pure."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bronzewillow.kube.resources import Object, Resource, name_of
from bronzewillow.testing.apiserver.refusals import expired

Key = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change. `old` is None for a new object, `new` for a deleted one."""

    version: int
    resource: Resource
    old: Object | None
    new: Object | None


class Store:
    """What it gives is copied, so that nobody writes into it."""

    def __init__(self, history_events: int = 10_000) -> None:
        self.version = 100
        self._objects: dict[Resource, dict[Key, Object]] = {}
        self._history: list[Event] = []
        self._history_events = history_events
        self._oldest = self.version
        self.on_change: list[Callable[[], None]] = []
        """Called after each change."""

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """One object."""
        found = self._objects.get(resource, {}).get((namespace, name))
        return copy.deepcopy(found)

    def list(self, resource: Resource, namespace: str = "") -> list[Object]:
        """All of a kind, in all namespaces if none is given, by namespace and name."""
        found = self._objects.get(resource, {})
        return [copy.deepcopy(found[key]) for key in sorted(found) if not namespace or key[0] == namespace]

    def resources(self) -> Iterator[Resource]:
        """The kinds of which there are objects."""
        return iter([resource for resource, objects in self._objects.items() if objects])

    def put(self, resource: Resource, obj: Object) -> Object:
        """Write it, new or not, with the next version."""
        objects, key = self._objects.setdefault(resource, {}), name_of(obj)
        stored = copy.deepcopy(obj)
        self.version += 1
        stored["metadata"]["resourceVersion"] = str(self.version)
        old = objects.get(key)
        objects[key] = stored
        self._happened(Event(self.version, resource, old, stored))
        return copy.deepcopy(stored)

    def remove(self, resource: Resource, obj: Object) -> Object:
        """Delete it; its last state, with the version of its end."""
        self.version += 1
        last = copy.deepcopy(self._objects[resource].pop(name_of(obj)))
        last["metadata"]["resourceVersion"] = str(self.version)
        self._happened(Event(self.version, resource, last, None))
        return copy.deepcopy(last)

    def since(self, version: int) -> Sequence[Event]:
        """What happened after `version`; Refused with 410 when that is too long ago."""
        if version < self._oldest:
            raise expired(f"too old resource version: {version} ({self._oldest})")
        low = next((i for i, event in enumerate(self._history) if event.version > version), None)
        return [] if low is None else self._history[low:]

    def compact(self) -> None:
        """Forget what happened: every older watch and token expires."""
        self.version += 1
        self._history.clear()
        self._oldest = self.version

    def _happened(self, event: Event) -> None:
        self._history.append(event)
        if len(self._history) > self._history_events:
            self._oldest = self._history[-self._history_events // 2].version
            del self._history[: -self._history_events // 2]
        for told in [*self.on_change]:
            told()
