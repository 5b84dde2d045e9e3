"""What a pod's machine has asked for and not been answered, and what it is about to say."""

from __future__ import annotations

from kubelet.model.actions import Action, Cancel
from kubelet.model.decision import PodEvent


class Outbox:
    """Filled while a decision is made; `take` empties it, except for what is in flight."""

    def __init__(self) -> None:
        self._in_flight: set[Action] = set()
        self._cancelled: set[Action] = set()
        self._actions: list[Action] = []
        self._events: list[PodEvent] = []
        self._wakes: list[int] = []

    def ask(self, action: Action) -> None:
        """Once: an action in flight is not asked for again."""
        if action not in self._in_flight:
            self._in_flight.add(action)
            self._actions.append(action)

    def cancel(self, action: Action) -> None:
        """Give up one in flight; its finish still comes."""
        if action in self._in_flight and action not in self._cancelled:
            self._cancelled.add(action)
            self._actions.append(Cancel(action))  # type: ignore[arg-type]

    def finish(self, action: Action) -> bool:
        """Whether it was in flight."""
        self._cancelled.discard(action)
        if action not in self._in_flight:
            return False
        self._in_flight.remove(action)
        return True

    def in_flight(self, *kinds: type[Action], container: str | None = None) -> list[Action]:
        """Of some kinds, for one container or for any."""
        return [
            action
            for action in self._in_flight
            if isinstance(action, kinds) and container in (None, getattr(action, "container", None))
        ]

    def is_idle(self) -> bool:
        """Whether nothing is in flight."""
        return not self._in_flight

    def tell(self, event: PodEvent) -> None:
        """Record an event."""
        self._events.append(event)

    def wake(self, instant: int) -> None:
        """Decide again at that time."""
        self._wakes.append(instant)

    @property
    def next_wake(self) -> int | None:
        """The earliest one yet; None for none."""
        return min(self._wakes, default=None)

    def take(self) -> tuple[tuple[Action, ...], tuple[PodEvent, ...], int | None]:
        """Actions, events and the next timeout."""
        taken = tuple(self._actions), tuple(self._events), self.next_wake
        self._actions, self._events, self._wakes = [], [], []
        return taken
