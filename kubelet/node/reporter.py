"""Telling the API server what this node is, every few seconds if it changes, every few minutes if not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import KubeError, NotFound
from bronzewillow.kube.resources import NODES, Object, uid_of
from kubelet.clock import Clock, sleep_or_wake
from kubelet.node.registration import Registration
from kubelet.node.status_patch import differs, status_patch

COMPUTE_S = 10.0
FAST_S = 0.5
"""While the node is not Ready, for `FAST_FOR_S` after its start."""
FAST_FOR_S = 60.0
REPORT_S = 300.0
_TRIES = 5
_log = logging.getLogger(__name__)

Compose = Callable[[Object | None], Awaitable[Object]]
"""The whole Node as it should be, from what it is in the API server, for times that move only on change."""
OnNode = Callable[[Object, Object | None], None]
"""Told the Node that was registered, and what it was before under that name."""


class StatusReporter:
    """Registers the node, and keeps its status true."""

    def __init__(
        self, client: KubeClient, node_name: str, compose: Compose, on_node: OnNode, clock: Clock
    ) -> None:
        self._client, self._name, self._clock = client, node_name, clock
        self._compose, self._on_node = compose, on_node
        self._registration = Registration(client, clock)
        self._node: Object | None = None
        self._reported_at = 0
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self.computed_at: int | None = None
        """When it was last known what this node is, in microseconds of the monotonic clock."""
        self.last_error: KubeError | None = None
        """Why the last report did not arrive."""

    @property
    def node(self) -> Object | None:
        """The Node as the API server had it last; None before it is registered."""
        return self._node

    def hurry(self) -> None:
        """Something has changed: look now."""
        self._wake.set()

    def seen(self, node: Object | None) -> None:
        """What a watch says of our Node; None: somebody deleted it."""
        if node is None:
            if self._node is not None:
                _log.warning("somebody has deleted the Node %s: it is made anew", self._name)
            self._node = None
            self.hurry()
        elif self._node is not None and uid_of(node) == uid_of(self._node):
            self._node = node

    async def run(self) -> None:
        """Until cancelled. AlreadyExists, FailedPrecondition of `kubelet.node.errors`."""
        begun_at = self._clock.monotonic()
        while True:
            self._wake.clear()
            await self.report()
            is_starting = self._clock.monotonic() - begun_at < FAST_FOR_S * 1_000_000
            pause_s = FAST_S if is_starting and not _is_ready(self._node) else COMPUTE_S
            await sleep_or_wake(self._clock, pause_s, self._wake)

    async def report(self, *, always: bool = False) -> bool:
        """Tell now, if there is something to tell; whether all is told."""
        async with self._turn:
            for _ in range(_TRIES):
                try:
                    await self._report(always)
                except NotFound:
                    self.seen(None)
                except KubeError as error:
                    self._note(error)
                    return False
                else:
                    self._note(None)
                    return True
            return False

    async def _report(self, always: bool) -> None:
        node = await self._compose(self._node)
        self.computed_at = self._clock.monotonic()
        if self._node is None:
            self._node, before = await self._registration.register(node)
            self._on_node(self._node, before)
            node, always = await self._compose(self._node), True
        is_due = self._clock.monotonic() - self._reported_at >= REPORT_S * 1_000_000
        if not (always or is_due or differs(node["status"], self._node.get("status") or {})):
            return
        patch = status_patch(node["status"])
        self._node = await self._client.patch(NODES, self._name, patch, subresource="status")
        self._reported_at = self._clock.monotonic()

    def _note(self, error: KubeError | None) -> None:
        if error is not None and self.last_error is None:
            _log.warning("the node's status could not be told: %s", error)
        elif error is None and self.last_error is not None:
            _log.info("the node's status is told again")
        self.last_error = error


def _is_ready(node: Object | None) -> bool:
    conditions = ((node or {}).get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
