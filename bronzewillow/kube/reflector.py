"""A copy of a set of objects, kept true by list and watch for as long as it runs. See `listwatch.py`."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from bronzewillow.kube.cache import Cache, Change
from bronzewillow.kube.client import KubeClient, Selection
from bronzewillow.kube.errors import KubeError, NotFound
from bronzewillow.kube.listwatch import ListPage, ListWatch, ListWatchConfig, Wait, Watch
from bronzewillow.kube.resources import Object, Resource

_log = logging.getLogger(__name__)

Sink = Callable[[list[Change]], None]
"""Takes what changed: after each whole list (an empty one too: it says that all is known; several times where
`step_changes` says so, `is_synced` by the last), and after each event. It is called on the loop and must not
block."""


class Reflector:
    """One set of objects.

    pods = Reflector(client, PODS, on_changes, Selection(fields="spec.nodeName=mac-1"))
    spawn(pods.run(), name="pods")
    await pods.synced()
    pods.cache[uid]; pods.cache.named("tinyllama-0", "default")
    """

    def __init__(
        self,
        client: KubeClient,
        resource: Resource,
        sink: Sink,
        selection: Selection | None = None,
        *,
        config: ListWatchConfig | None = None,
        trim: Callable[[Object], Object] | None = None,
        rng: Callable[[], float] = random.random,
        on_failure: Callable[[], None] | None = None,
    ) -> None:
        """Nothing is asked before `run`. `trim`: what of an object is kept; its name, uid and version at the
        least. `on_failure` follows each failure, when `last_error` says why.
        """
        self._client, self._resource, self._sink = client, resource, sink
        self._selection = selection or Selection()
        self._config = config or ListWatchConfig()
        self._core = ListWatch(self._config, rng)
        self._synced = asyncio.Event()
        self._on_failure = on_failure
        self._trim = trim or (lambda obj: obj)
        self.last_error: KubeError | None = None
        """Why the copy may be old; None while all is well."""

    @property
    def cache(self) -> Cache:
        """The copy, by UID; empty until the first list is whole."""
        return self._core.cache

    @property
    def is_synced(self) -> bool:
        """Whether the first list has come whole."""
        return self._core.is_synced

    async def synced(self) -> None:
        """Wait for the first whole list."""
        await self._synced.wait()

    async def run(self) -> None:
        """Until cancelled; failures of the API server are waited out. What the sink raises ends it."""
        while True:
            step = self._core.next_step(self._now())
            try:
                match step:
                    case Wait():
                        await self._client.pause(step.seconds)
                    case ListPage():
                        await self._list(step)
                    case Watch():
                        await self._watch(step)
            except KubeError as error:
                self._on_error(error)

    async def _list(self, step: ListPage) -> None:
        page = await self._client.list(self._resource, self._selection, limit=step.limit, token=step.token)
        self._on_answer()
        page["items"] = [self._trim(obj) for obj in page.get("items") or []]
        steps = self._core.on_page(page)
        if steps is not None:
            for changes in steps:
                self._sink(changes)
                await asyncio.sleep(0)
            self._synced.set()

    async def _watch(self, step: Watch) -> None:
        async with self._client.watch(
            self._resource,
            self._selection,
            resource_version=step.resource_version,
            timeout_s=step.timeout_s,
            silence_s=self._config.silence_s,
        ) as events:
            self._on_answer()
            async for kind, obj in events:
                known = obj if kind == "BOOKMARK" else self._trim(obj)
                if changes := self._core.on_event(kind, known):
                    self._sink(changes)
                await asyncio.sleep(0)  # events come in bursts, and others on this loop have their turn
        self._core.on_watch_end(self._now())

    def _on_answer(self) -> None:
        if self.last_error is not None:
            _log.info("%s: the API server answers again", self._resource.plural)
            self.last_error = None

    def _on_error(self, error: KubeError) -> None:
        # a kind that the cluster does not have may come with a CRD: nothing is wrong yet
        first = logging.INFO if isinstance(error, NotFound) else logging.WARNING
        level = first if self.last_error is None else logging.DEBUG
        _log.log(level, "%s: %s", self._resource.plural, error)
        self.last_error = error
        self._core.on_error(error, self._now())
        if self._on_failure is not None:
            self._on_failure()

    def _now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1_000_000)
