"""A set of objects, keyed by UID, and what changed in it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from enum import Enum

from bronzewillow.kube.resources import Object, name_of, resource_version_of, uid_of


class ChangeType(Enum):
    """Kubernetes' own words."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Change:
    """One object came, changed or went. Objects belong to the cache: they are read, never written to."""

    type: ChangeType
    object: Object
    """As it is; of a deleted object, the last that was seen."""
    old: Object | None = None
    """What it was, if it was known."""


class Cache(Mapping[str, Object]):
    """From UIDs to objects. A name has one object at a time: a namesake with another UID ends the first."""

    def __init__(self) -> None:
        self._objects: dict[str, Object] = {}
        self._uids: dict[tuple[str, str], str] = {}

    def __getitem__(self, uid: str) -> Object:
        return self._objects[uid]

    def __iter__(self) -> Iterator[str]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)

    def named(self, name: str, namespace: str = "") -> Object | None:
        """The object of that name."""
        uid = self._uids.get((namespace, name))
        return None if uid is None else self._objects[uid]

    def has(self, obj: Object) -> bool:
        """Whether it is known in just this version."""
        known = self._objects.get(uid_of(obj))
        return known is not None and resource_version_of(known) == resource_version_of(obj)

    def reconcile(self, uids: Set[str], changed: Iterable[Object]) -> Iterator[Change]:
        """All that there is, by uid, and those of them that are new or another version. What is not among
        `uids` was deleted unseen, and that comes first. Each is taken over when it is asked for.
        """
        for uid in self._objects.keys() - uids:
            yield from self._drop(uid)
        for obj in changed:
            yield from self.put(obj)

    def put(self, obj: Object) -> list[Change]:
        """It was added or modified; which of them is for the cache to know."""
        uid, name = uid_of(obj), name_of(obj)
        namesake = self._uids.get(name, uid)
        changes = [] if namesake == uid else self._drop(namesake)
        obj["metadata"].pop("managedFields", None)  # half of an object's bytes, and of no use to us
        old = self._objects.get(uid)
        self._objects[uid], self._uids[name] = obj, uid
        changes.append(Change(ChangeType.ADDED if old is None else ChangeType.MODIFIED, obj, old))
        return changes

    def delete(self, obj: Object) -> list[Change]:
        """It was deleted. `obj` is its last state, which says how it ended."""
        obj["metadata"].pop("managedFields", None)
        return self._drop(uid_of(obj), obj)

    def _drop(self, uid: str, last: Object | None = None) -> list[Change]:
        old = self._objects.pop(uid, None)
        if old is None:
            return []
        self._uids.pop(name_of(old), None)
        return [Change(ChangeType.DELETED, old if last is None else last, old)]
