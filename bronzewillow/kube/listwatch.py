"""List, then watch: what to ask next, and what the answers mean. Pure; client-go tools/cache/reflector.go.

    LIST --whole--> WATCH --time-out or broken--> WATCH from the last resourceVersion
      ^               |
      +--- Expired ---+      every failure waits first

The first list, and every other, is a consistent read: `resourceVersion=0` may be answered from a cache that
is behind, and would bring pods back that have ended. Nothing is acted on before a list is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bronzewillow.kube.backoff import Backoff, BackoffConfig
from bronzewillow.kube.cache import Cache, Change
from bronzewillow.kube.errors import Expired, KubeError, StatusError, TooManyRequests, Unavailable
from bronzewillow.kube.resources import Object, resource_version_of, uid_of

_SHORT_WATCH = 1_000_000  # a server that ends watches at once is left alone for a while


@dataclass(frozen=True, slots=True)
class ListWatchConfig:
    """How to list and watch."""

    page_items: int = 500
    """Items of one page of a list."""
    step_changes: int = 0
    """So many changes of a whole list are taken over at a time, and others have their turn between; 0 for all
    at once."""
    shortest_watch_s: float = 80.0
    """A watch lasts between this and twice this, at random, so that not all watches end together. A kind that
    never changes may have no bookmark for ten minutes: so often does etcd 3.4 tell of its progress."""
    silence_s: float = 180.0
    """Without a byte for so long, a watch counts as broken, as its end should have come; whether the peer is
    there at all is for TCP's keepalive to find out."""
    backoff: BackoffConfig = field(default_factory=BackoffConfig)
    """After failures."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """Ask for one page of the list."""

    limit: int
    """0 for all in one."""
    token: str = ""
    """Where the page begins; empty for the first."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Ask for the changes since `resource_version`."""

    resource_version: str
    timeout_s: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for a while, then ask what is next."""

    seconds: float


class ListWatch:
    """One set of objects. The shell does what `next_step` says and reports by one of the `on_` verbs."""

    def __init__(self, config: ListWatchConfig, random: Callable[[], float]) -> None:
        """`random`: uniform in [0, 1)."""
        self.cache = Cache()
        self.is_synced = False
        """Whether a list was whole once."""
        self._config, self._random = config, random
        self._backoff = Backoff(config.backoff, random)
        self._wait_s = 0.0
        self._resource_version = ""  # empty: to be listed
        self._limit = config.page_items
        self._token = ""
        self._listed: set[str] = set()
        self._changed: dict[str, Object] = {}
        self._was_too_old = False
        """The last failure was that of a watch from where the server cannot go on."""
        self._watch_began = 0
        self._watch_events = 0

    def next_step(self, now: int) -> ListPage | Watch | Wait:
        """What to do; `now` is in microseconds."""
        if self._wait_s:
            step, self._wait_s = Wait(self._wait_s), 0.0
            return step
        if not self._resource_version:
            return ListPage(self._limit, self._token)
        self._watch_began, self._watch_events = now, 0
        timeout_s = int(self._config.shortest_watch_s * (1.0 + self._random()))
        return Watch(self._resource_version, timeout_s)

    def on_page(self, page: Object) -> Iterator[list[Change]] | None:
        """A page came. Once the list is whole, the changes, step by step, at least one step: what one has is
        taken over when it is asked for, and with the last the list counts as known. Else None.
        """
        for obj in page.get("items") or []:
            self._listed.add(uid_of(obj))
            if not self.cache.has(obj):
                self._changed[uid_of(obj)] = obj
        self._token = page.get("metadata", {}).get("continue", "")
        if self._token:
            return None
        return self._take_over(resource_version_of(page) or "0")

    def _take_over(self, resource_version: str) -> Iterator[list[Change]]:
        step: list[Change] = []
        for change in self.cache.reconcile(self._listed, self._changed.values()):
            step.append(change)
            if len(step) == self._config.step_changes:
                yield step
                step = []
        self._begin_list_anew(self._config.page_items)
        self._resource_version = resource_version
        self.is_synced = True
        yield step

    def on_event(self, kind: str, obj: Object) -> list[Change]:
        """An event of the watch came; ERROR events come as errors, see `on_error`."""
        self._watch_events += 1
        self._resource_version = resource_version_of(obj) or self._resource_version
        match kind:
            case "ADDED" | "MODIFIED":
                return self.cache.put(obj)
            case "DELETED":
                return self.cache.delete(obj)
            case _:  # BOOKMARK, or what later versions bring: only its resourceVersion counts
                return []

    def on_watch_end(self, now: int) -> None:
        """The watch ended, as all do; go on from where it was."""
        if not self._watch_events and now - self._watch_began < _SHORT_WATCH:
            self._wait_s = self._backoff.after_failure(now)

    def on_error(self, error: KubeError, now: int) -> None:
        """The step failed: wait, then again. What was too old is listed anew."""
        is_too_old = bool(self._resource_version) and (
            isinstance(error, Expired) or _is_from_the_future(error)
        )
        if is_too_old and not self._was_too_old:  # it answers: what it did while it was away says nothing
            self._backoff.reset()
        self._was_too_old = is_too_old
        self._wait_s = self._backoff.after_failure(now)
        if isinstance(error, TooManyRequests | Unavailable):
            self._wait_s = max(self._wait_s, error.retry_after_s)
        if not self._resource_version:  # half a list is none; tokens that run out mean: no pages
            self._begin_list_anew(0 if isinstance(error, Expired) else self._config.page_items)
        elif is_too_old:
            self._resource_version = ""

    def _begin_list_anew(self, limit: int) -> None:
        self._listed, self._changed = set(), {}
        self._token, self._limit = "", limit


def _is_from_the_future(error: KubeError) -> bool:
    """The server has not seen our resourceVersion: it was restored from a backup, or another one answers."""
    return isinstance(error, StatusError) and any(
        cause.get("reason") == "ResourceVersionTooLarge"
        for cause in error.details.get("causes") or []
        if isinstance(cause, dict)
    )
