"""The certificate of port 10250: signed by the cluster when somebody approves it, by ourselves until then."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bronzewillow.kube.client import KubeClient
from kubelet.certificates.pairs import Pair, PairFolder
from kubelet.certificates.renewal import Asking, Renewal
from kubelet.certificates.requests import Request, is_answered_by
from kubelet.certificates.self_signed import self_signed_pem
from kubelet.certificates.signing import approve_line
from kubelet.clock import Clock

_log = logging.getLogger(__name__)
_TIMEOUT_S = 15 * 60.0


@dataclass(frozen=True, slots=True)
class ServingFolders:
    """Where certificates of port 10250 are kept."""

    signed: PairFolder
    own: PairFolder


class ServingCertificate:
    """Its names and addresses are the Node's; when these change, another is asked for."""

    def __init__(
        self,
        client: KubeClient,
        folders: ServingFolders,
        request: Request,
        on_changed: Callable[[Path], None],
        on_waiting: Callable[[str], None],
        clock: Clock,
        random: Random,
    ) -> None:
        """`client` is the node itself. `on_changed` is told the file to show from now on, and `on_waiting`,
        once a request, the command that approves it.
        """
        self._folders, self._clock = folders, clock
        self._on_changed, self._on_waiting = on_changed, on_waiting
        self._told = ""
        self._request = request
        asking = Asking(client, folders.signed, _TIMEOUT_S, self._on_renewed, self._on_pending)
        self._renewal = Renewal(asking, request, clock, random)

    def best(self) -> Pair:
        """What to show now. One of the cluster for addresses of before is better than none of the cluster."""
        now = self._clock.wall()
        signed = self._folders.signed.current()
        if signed is not None and signed.is_valid(now):
            return signed
        own = self._folders.own.current()
        if own is not None and own.is_valid(now) and is_answered_by(self._request, own.certificate):
            return own
        key = self._folders.own.pending_key()
        return self._folders.own.install(self_signed_pem(self._request, key, now), key, now)

    def serve_as(self, request: Request) -> None:
        """The Node's addresses have changed, perhaps."""
        if request != self._request:
            _log.info("the node's port is now at %s", ", ".join((*request.dns_names, *request.addresses)))
            self._request = request
            self._on_changed(self.best().path)
            self._renewal.ask_for(request)

    async def run(self) -> None:
        """Until cancelled. What there is is shown at once: a node that is Ready answers at its port."""
        self._on_changed(self.best().path)
        await self._renewal.run()

    async def _on_renewed(self, pair: Pair) -> None:
        self._on_changed(pair.path)

    def _on_pending(self, name: str) -> None:
        if name != self._told:
            self._told = name
            self._on_waiting(approve_line(name))
