"""What all routes share: the engine, its model's names, the slots, the figures, and whether it is ready."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

from bronzewillow.host.tasks import spawn
from runtime.engine.interface import Engine, EngineError, Event, Finish, Generation, ModelInfo, Piece, Usage
from runtime.openai.admission import Admission
from runtime.openai.errors import ApiError, draining, from_engine, loading, model_not_found
from runtime.openai.metrics import Metrics
from runtime.openai.names import synonyms
from runtime.openai.preset import Preset
from runtime.openai.prompt_length import check_length

PING_S = 15.0
_Queue = asyncio.Queue[Event | ApiError | None]


class Phase(StrEnum):
    """Where the server is in its life."""

    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"


@dataclass(slots=True)
class ModelCard:
    """What /v1/models says of the model."""

    name: str
    aliases: tuple[str, ...] = ()
    created: int = 0
    """Seconds since the epoch."""
    owner: str = "bronzewillow"
    meta: dict[str, Any] = field(default_factory=dict)
    """Facts from the GGUF header."""


class Service:
    """One engine with its slots and its queue."""

    def __init__(
        self,
        engine: Engine,
        card: ModelCard,
        *,
        slots: int,
        queue_limit: int,
        preset: Preset | None = None,
        ping_s: float = PING_S,
    ) -> None:
        self.engine = engine
        self.card = card
        self.preset = preset or Preset()
        self.names = synonyms(card.name, card.aliases)
        self.admission = Admission(slots, queue_limit)
        self.metrics = Metrics(card.name, self.admission)
        self.phase = Phase.LOADING
        self.info = ModelInfo(0, slots)
        self.ping_s = ping_s
        self.asked_s = -math.inf
        """When somebody last wanted an answer of the model; `time.monotonic`."""
        self._requests = 0
        self._idle = asyncio.Event()

    async def load(self) -> None:
        """Load the model and open the doors; LoadError passes through."""
        started = time.monotonic()
        self.info = await self.engine.load()
        self.admission.slots = self.info.slots
        self.metrics.loaded(time.monotonic() - started)
        self.phase = Phase.READY

    @contextmanager
    def request(self, *, asks: bool) -> Iterator[None]:
        """One HTTP request is being answered; one that `asks` wants something of the model."""
        if asks:
            self.asked_s = time.monotonic()
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1
            if not self._requests:
                self._idle.set()

    async def until_idle(self) -> None:
        """Wait until no request is being answered."""
        while self._requests:
            self._idle.clear()
            await self._idle.wait()

    def require_ready(self) -> None:
        if self.phase is Phase.LOADING:
            raise loading()
        if self.phase is Phase.DRAINING:
            raise draining()

    def require_model(self, name: str | None) -> None:
        """An absent name means the one model that is here."""
        if name and name not in self.names:
            raise model_not_found(name)

    @asynccontextmanager
    async def run(self, request: Generation, *, param: str) -> AsyncIterator[AsyncIterator[list[Event]]]:
        """The events of `request`, in batches of all that are there; leaving the context frees its slots.

        The slots are held until the engine has ended, not until the client has read: a slow reader's answer
        waits in memory, where it is bounded by the context.
        """
        queue: _Queue = asyncio.Queue()
        task = spawn(self._pump(request, queue, param), name="generation")
        try:
            yield _batches(queue, self.ping_s)
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _pump(self, request: Generation, queue: _Queue, param: str) -> None:
        clock = self.metrics.clock()
        try:
            check_length(request, self.info)
            async with self.admission.enter(request.choices):
                clock.started()
                async with aclosing(self.engine.generate(request)) as events:
                    async for event in events:
                        if isinstance(event, Piece):
                            clock.piece(event.choice)
                        elif isinstance(event, Finish):
                            clock.finished(event.reason)
                        elif isinstance(event, Usage):
                            clock.usage(event)
                        queue.put_nowait(event)
            queue.put_nowait(None)
        except ApiError as err:
            queue.put_nowait(err)
        except EngineError as err:
            queue.put_nowait(from_engine(err, param))
        except asyncio.CancelledError:
            clock.aborted()
            raise
        except Exception:
            queue.put_nowait(ApiError(500, "The engine failed.", kind="server_error"))
            raise
        finally:
            clock.ended()


SERVICE = web.AppKey("service", Service)


async def _batches(queue: _Queue, ping_s: float) -> AsyncIterator[list[Event]]:
    """All events that are there, at once; an empty list whenever nothing has come for `ping_s` seconds."""
    while True:
        try:
            async with asyncio.timeout(ping_s):
                item = await queue.get()
        except TimeoutError:
            yield []
            continue
        batch: list[Event] = []
        while item is not None and not isinstance(item, ApiError):
            batch.append(item)
            if queue.empty():
                break
            item = queue.get_nowait()
        if batch:
            yield batch
        if item is None:
            return
        if isinstance(item, ApiError):
            raise item
