"""Fewer events: repetitions are counted, many alike become one, and what never ends is dropped.

client-go tools/record/events_cache.go, with its numbers.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from kubelet.model.decision import PodEvent
from kubelet.model.events import Subject, event_object, shortened
from kubelet.model.times import SECOND, rfc3339

MOST_KEYS = 4096
"""Of each kind; the one that was used longest ago gives way."""
MOST_ALIKE = 10
ALIKE_FOR = 600 * SECOND
BURST = 25
REFILL = 300 * SECOND
_COMBINED = "(combined from similar events): "

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class CreateEvent:
    """POST. Once the API server has taken it, nothing more is to be told."""

    namespace: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PatchEvent:
    """PATCH of one that was created; when it is gone (404), `recreate` is posted."""

    namespace: str
    name: str
    body: dict[str, Any]
    recreate: dict[str, Any]


class EventCorrelator:
    """Joins equal events of one node into one with a count, and limits the rest."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._tokens: _Recent[Subject, tuple[float, int]] = _Recent()
        self._alike: _Recent[Hashable, tuple[set[str], int]] = _Recent()
        self._told: _Recent[Hashable, dict[str, Any]] = _Recent()

    def correlate(
        self, subject: Subject, event: PodEvent, wall: int, now: int
    ) -> CreateEvent | PatchEvent | None:
        """What to send; None: nothing, there have been too many about that object."""
        subject_key = replace(subject, resource_version="")
        if not self._may_pass(subject_key, now):
            return None
        event = replace(event, message=shortened(event.message))
        kind = (subject_key, event.type, event.reason, event.field_path)
        is_combined = self._is_one_of_many(kind, event.message, now)
        if is_combined:
            event = replace(event, message=shortened(_COMBINED + event.message))
        key: Hashable = kind if is_combined else (kind, event.message)
        told = self._told.get(key)
        if told is None:
            body = event_object(subject, event, self._host, wall)
            self._told.put(key, body)
            return CreateEvent(body["metadata"]["namespace"], body)
        changes = {
            "count": told["count"] + 1,
            "lastTimestamp": rfc3339(wall),
            "message": event.message,
        }
        told = {**told, **changes}
        self._told.put(key, told)
        return PatchEvent(told["metadata"]["namespace"], told["metadata"]["name"], changes, told)

    def _may_pass(self, subject: Subject, now: int) -> bool:
        tokens, since = self._tokens.get(subject) or (float(BURST), now)
        tokens = min(float(BURST), tokens + (now - since) / REFILL)
        is_allowed = tokens >= 1
        self._tokens.put(subject, (tokens - 1 if is_allowed else tokens, now))
        return is_allowed

    def _is_one_of_many(self, kind: Hashable, message: str, now: int) -> bool:
        messages, last = self._alike.get(kind) or (set(), now)
        if now - last > ALIKE_FOR:
            messages = set()
        if len(messages) < MOST_ALIKE:
            messages.add(message)
        self._alike.put(kind, (messages, now))
        return len(messages) >= MOST_ALIKE


class _Recent(Generic[K, V]):
    """The values that were used last."""

    def __init__(self) -> None:
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > MOST_KEYS:
            self._values.popitem(last=False)
