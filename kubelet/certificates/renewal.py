"""Keeping one certificate of this node valid for as long as the node lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random

from bronzewillow.kube.access import Presented
from bronzewillow.kube.client import KubeClient
from kubelet.certificates.errors import IdentityError
from kubelet.certificates.pairs import Pair, PairFolder, key_pem
from kubelet.certificates.requests import Request, is_answered_by
from kubelet.certificates.rotation import RetryDelay, renewal_instant
from kubelet.certificates.signing import OnPending, obtain
from kubelet.clock import Clock

_log = logging.getLogger(__name__)
_LOOK_S = 60.0
"""The calendar is looked at so often: it goes on while the machine sleeps, and waiting does not."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How a certificate is asked for."""

    client: KubeClient
    """As whom."""
    pairs: PairFolder
    timeout_s: float
    """How long an answer is waited for at a time; after it the same request is waited on again."""
    on_renewed: Callable[[Pair], Awaitable[None]]
    """The pair is in use from now on."""
    on_pending: OnPending | None = None
    trial: Callable[[Presented], Awaitable[None]] | None = None
    """Whether a new certificate does what it is for, before it takes the old one's place. IdentityError."""


class Renewal:
    """Asks for a certificate when there is none that says what it is to say, and again before it ends."""

    def __init__(self, asking: Asking, request: Request, clock: Clock, random: Random) -> None:
        """Nothing is asked before `run`."""
        self._asking, self._request = asking, request
        self._clock, self._random = clock, random
        self._changed = asyncio.Event()
        self._due: tuple[int, datetime] | None = None  # of which serial number, when

    def ask_for(self, request: Request) -> None:
        """What the certificate is to say from now on."""
        if request != self._request:
            self._request = request
            self._changed.set()

    def due(self) -> datetime | None:
        """When the next certificate is asked for; None for now."""
        pair = self._asking.pairs.current()
        if pair is None or not is_answered_by(self._request, pair.certificate):
            return None
        serial = pair.certificate.serial_number
        if self._due is None or self._due[0] != serial:
            self._due = serial, renewal_instant(pair.not_before, pair.not_after, self._random)
        return self._due[1]

    async def run(self) -> None:
        """Renew the certificate whenever it is due, until cancelled."""
        while True:
            self._changed.clear()
            async with asyncio.TaskGroup() as group:
                keeping = group.create_task(self._keep())
                await self._changed.wait()
                keeping.cancel()

    async def _keep(self) -> None:
        """Until what is asked for changes."""
        delay = RetryDelay(self._random)
        while True:
            while (due := self.due()) is not None and due > self._clock.wall():
                left_s = (due - self._clock.wall()).total_seconds()
                await self._clock.sleep(min(_LOOK_S, max(left_s, 1.0)))
            try:
                await self._renew()
            except IdentityError as error:
                wait_s = delay.next().total_seconds()
                _log.warning("no new certificate: %s; again in %.0f s", error, wait_s)
                await self._clock.sleep(wait_s)
            else:
                delay.reset()

    async def _renew(self) -> None:
        """Ask for a new certificate, and show it once it is tried out. IdentityError."""
        asking = self._asking
        key = asking.pairs.pending_key()
        issued = await obtain(asking.client, self._request, key, asking.timeout_s, asking.on_pending)
        if asking.trial is not None:
            await asking.trial(Presented(certificate_pem=issued, key_pem=key_pem(key)))
        pair = asking.pairs.install(issued, key, self._clock.wall())
        _log.info("a new certificate of %s, until %s", pair.common_name, f"{pair.not_after:%FT%TZ}")
        await asking.on_renewed(pair)
