"""The Lease, by which the cluster sees every few seconds that this node lives.

As in component-helpers/apimachinery/lease of Kubernetes: a beat is worth five tries at once; what is not
heard then is tried again at the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import AlreadyExists, KubeError, NotFound, StatusError, Unreachable
from bronzewillow.kube.resources import LEASES, Object
from bronzewillow.kube.times import emit_micro_time
from kubelet.clock import Clock, sleep_or_wake
from kubelet.node.registration import LEASE_NAMESPACE

DURATION_S = 40
BEAT_S = DURATION_S * 0.25
_TRIES = 5
_TRY_S = 5.0
"""A connection over a network that is gone must not be waited on: the Lease ends after 40 s."""
_log = logging.getLogger(__name__)


class LeaseKeeper:
    """Renews the Lease of one node while that node is worth being kept."""

    def __init__(
        self, client: KubeClient, node_name: str, is_alive: Callable[[], bool], clock: Clock
    ) -> None:
        """`is_alive`: whether this node does what nodes are for; a Lease that goes on after it would lie."""
        self._client, self._name, self._clock = client, node_name, clock
        self._is_alive = is_alive
        self._node_uid = ""
        self._lease: Object | None = None
        self._wake = asyncio.Event()
        self.last_error: KubeError | None = None
        """Why it could not be renewed at the last beat."""

    def own(self, node_uid: str) -> None:
        """The Node's, so that it goes with it. A Node that was made anew has another uid."""
        self._node_uid = node_uid
        self._wake.set()

    def hurry(self) -> None:
        """Renew now; the machine has woken up, or the network is back."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. There is no Lease before there is a Node."""
        while True:
            self._wake.clear()
            if self._node_uid and self._is_alive():
                await self.renew()
            await sleep_or_wake(self._clock, BEAT_S, self._wake)

    async def renew(self) -> bool:
        """One beat; whether it was heard."""
        failure: KubeError | None = None
        for _ in range(_TRIES):
            try:
                async with asyncio.timeout(_TRY_S):
                    self._lease = await self._renew()
            except TimeoutError:
                failure = Unreachable(f"no answer within {_TRY_S:.0f} s")
            except StatusError as error:  # somebody else has written it, or it is gone: look first
                self._lease, failure = None, error
            except KubeError as error:
                failure = error
            else:
                was_away = isinstance(self.last_error, Unreachable)
                self._note(None)
                if was_away:  # it answers again: whoever waits for its next try need not
                    self._client.hurry()
                return True
        self._note(failure)
        return False

    async def _renew(self) -> Object:
        if self._lease is None:
            try:
                self._lease = await self._client.get(LEASES, self._name, LEASE_NAMESPACE)
            except NotFound:
                try:
                    return await self._client.create(LEASES, self._body({}))
                except AlreadyExists:
                    self._lease = await self._client.get(LEASES, self._name, LEASE_NAMESPACE)
        return await self._client.replace(LEASES, self._body(self._lease["metadata"]))

    def _body(self, metadata: dict[str, Any]) -> Object:
        owner = {"apiVersion": "v1", "kind": "Node", "name": self._name, "uid": self._node_uid}
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {
                **metadata,
                "name": self._name,
                "namespace": LEASE_NAMESPACE,
                "ownerReferences": [owner],
            },
            "spec": {
                "holderIdentity": self._name,
                "leaseDurationSeconds": DURATION_S,
                "renewTime": emit_micro_time(self._clock.wall()),
            },
        }

    def _note(self, error: KubeError | None) -> None:
        if error is not None and self.last_error is None:
            _log.warning("the Lease could not be renewed: %s", error)
        elif error is None and self.last_error is not None:
            _log.info("the Lease is renewed again")
        self.last_error = error
