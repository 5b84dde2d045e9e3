"""The node half of llm-kubelet, put together: identity, Node, Lease, and the certificate of port 10250."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from bronzewillow.host.tasks import spawn, together
from bronzewillow.kube.access import Access, Presented
from bronzewillow.kube.cache import Change, ChangeType
from bronzewillow.kube.client import KubeClient, Selection
from bronzewillow.kube.errors import KubeError, NotFound, Unauthorized
from bronzewillow.kube.identity import HeldIdentity
from bronzewillow.kube.reflector import Reflector
from bronzewillow.kube.resources import NODES, Object, resource_version_of, uid_of
from kubelet.certificates.errors import Denied
from kubelet.certificates.pairs import Pair, PairFolder
from kubelet.certificates.renewal import Asking, Renewal
from kubelet.certificates.requests import Request, client_request, serving_request
from kubelet.certificates.serving import ServingCertificate, ServingFolders
from kubelet.clock import Clock
from kubelet.model.node_conditions import transitions
from kubelet.model.node_facts import NodeSettings, NodeState
from kubelet.model.node_object import node_object
from kubelet.node.addresses import node_addresses
from kubelet.node.health import HealthWatch, health_of
from kubelet.node.lease import LeaseKeeper
from kubelet.node.machine import read_machine
from kubelet.node.power import PowerAssertion
from kubelet.node.registry import has_rebooted
from kubelet.node.reporter import StatusReporter
from kubelet.node.runtime_status import RuntimeWatch
from kubelet.node.system_power import SystemPower
from kubelet.node.wake import watch_sleep

_STALLED = 180 * 1_000_000
_CLIENT_TIMEOUT_S = 15 * 60.0
_LAST_WORD_S = 5.0
_log = logging.getLogger(__name__)

Tell = Callable[[str, str, str], None]
"""Records an event of the Node: type, reason, message."""


@dataclass(frozen=True, slots=True)
class AgentParts:
    """What a node is made of."""

    client: KubeClient
    """As the node."""
    settings: NodeSettings
    runtime: RuntimeWatch
    health: HealthWatch
    disk: Path
    """A folder on the disk that pods are on."""
    client_pairs: PairFolder
    """Who the node is."""
    serving: ServingFolders
    """What port 10250 shows."""
    power: PowerAssertion
    clock: Clock
    random: Random
    address: str = ""
    """Of this machine, one or two with a comma; empty for those that its routing table says."""


class NodeAgent:
    """Made on the loop; nothing is asked before `run`."""

    def __init__(
        self, parts: AgentParts, access: Access, on_pair: Callable[[Path], None], tell: Tell
    ) -> None:
        """`on_pair` is told the file that port 10250 is to show from now on."""
        self._parts, self._access, self._tell = parts, access, tell
        self._machine = read_machine(parts.disk)
        self._ending, self._ends_for_good = "", False
        state = self._state(None)
        self._addresses = state.addresses
        self._node = node_object(state, None, parts.clock.wall())
        self._told: tuple[str, dict[str, str]] | None = None
        name = parts.settings.name
        self.reporter = StatusReporter(parts.client, name, self._compose, self._on_node, parts.clock)
        self.lease = LeaseKeeper(parts.client, name, self._is_alive, parts.clock)
        self.serving = ServingCertificate(
            parts.client, parts.serving, self._serving_request(), on_pair, self._on_waiting, parts.clock,
            parts.random,
        )  # fmt: skip
        asking = Asking(
            parts.client, parts.client_pairs, _CLIENT_TIMEOUT_S, self._on_client_pair, trial=self._try_out
        )
        self._renewal = Renewal(asking, client_request(name), parts.clock, parts.random)
        self._reflector = Reflector(
            parts.client, NODES, self._on_changes, Selection(fields=f"metadata.name={name}")
        )

    @property
    def node(self) -> Object:
        """The Node, as it is told to the API server; with its uid once it has one."""
        known = self.reporter.node
        if known is None:
            return self._node
        return {**self._node, "metadata": {**self._node["metadata"], "uid": uid_of(known)}}

    @property
    def pod_cidr(self) -> str:
        """Of the Node, once a controller has given it one; else empty."""
        known = self.reporter.node
        return "" if known is None else str((known.get("spec") or {}).get("podCIDR") or "")

    async def run(self) -> None:
        """Until cancelled. AlreadyExists, FailedPrecondition of `kubelet.node.errors`."""
        self._tell("Normal", "Starting", "Starting kubelet.")
        loop = asyncio.get_running_loop()
        SystemPower(lambda: self.say_goodbye("node is going to sleep"), self.welcome_back, loop).listen()
        await together(
            self.reporter.run(),
            self.lease.run(),
            self.serving.run(),
            self._renewal.run(),
            self._reflector.run(),
            watch_sleep(self._parts.clock, self.welcome_back),
        )

    def changed(self) -> None:
        """Something that the status says may be another now."""
        self.reporter.hurry()

    async def say_goodbye(self, why: str, *, for_good: bool = False) -> None:
        """Be NotReady, and have it heard, as long as there is time: `node is shutting down`, for one.

        `for_good`: no waking up makes it ready again.
        """
        self._ending, self._ends_for_good = why, self._ends_for_good or for_good
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORD_S):
                await self.reporter.report(always=True)

    def welcome_back(self) -> None:
        """What `say_goodbye` said is over, or the machine has slept without a word."""
        if not self._ends_for_good:
            self._ending = ""
        spawn(self._return(), name="return from sleep")

    # ---- what this node is

    async def _compose(self, before: Object | None) -> Object:
        look = await self._parts.runtime.look()
        self._keep_awake(look.pods > 0)
        health = health_of(await self._parts.health.look())
        state = replace(
            self._state(before),
            runtime=look.runtime,
            images=look.images,
            health=replace(health, ending=self._ending),
        )
        node = node_object(state, before, self._parts.clock.wall())
        await self._move_to(state.addresses)
        if before is not None:
            self._tell_changes(node, before)
        self._node = node
        return node

    async def _move_to(self, addresses: tuple[str, ...]) -> None:
        """Connections from an address that is gone would be waited on until they time out."""
        if addresses != self._addresses:
            self._addresses = addresses
            await self._parts.client.reconnect()
            self.lease.hurry()
        self.serving.serve_as(self._serving_request())

    def _state(self, known: Object | None) -> NodeState:
        fixed = tuple(filter(None, self._parts.address.split(",")))
        addresses = fixed or node_addresses(self._access.cluster.server, _pod_families(known or {}))
        return NodeState(self._machine, self._parts.settings, addresses)

    def _serving_request(self) -> Request:
        name = self._parts.settings.name
        return serving_request(name, (name,), self._addresses)

    def _is_alive(self) -> bool:
        """Whether it is known what this node is: a node whose own loop stands still is none."""
        computed_at = self.reporter.computed_at
        return computed_at is not None and self._parts.clock.monotonic() - computed_at < _STALLED

    # ---- what happens to it

    def _on_node(self, node: Object, before: Object | None) -> None:
        """It is registered, or registered anew."""
        self.lease.own(uid_of(node))
        if before is None:
            self._tell_changes(node, {})
        elif has_rebooted(before, self._node):
            boot_id = self._machine.boot_id
            self._tell(
                "Warning",
                "Rebooted",
                f"Node {self._parts.settings.name} has been rebooted, boot id: {boot_id}",
            )

    def _on_changes(self, changes: list[Change]) -> None:
        """Of the Node, as the API server has it."""
        mine = self._reflector.cache.named(self._parts.settings.name)
        was_deleted = any(change.type is ChangeType.DELETED for change in changes)
        if mine is not None:
            self.reporter.seen(mine)
        elif was_deleted:
            self.reporter.seen(None)

    async def _return(self) -> None:
        """The Lease first: a cluster gives a node 40 s. Over new connections: who was at the other end of the
        old ones may be gone, and would be waited for until requests time out.
        """
        await self._parts.client.reconnect()
        self.lease.hurry()
        self.reporter.hurry()

    def _on_waiting(self, command: str) -> None:
        port = self._parts.settings.port
        message = f"port {port} shows a certificate of its own until an administrator runs: {command}"
        _log.warning("%s", message)
        self._tell("Normal", "ServingCertificatePending", message)

    def _tell_changes(self, node: Object, before: Object) -> None:
        """Once, however long it takes until the API server hears of them."""
        name = self._parts.settings.name
        conditions = (node.get("status") or {}).get("conditions") or ()
        told = resource_version_of(before), {one["type"]: one["status"] for one in conditions}
        if told == self._told:
            return
        self._told = told
        for reason in transitions(conditions, (before.get("status") or {}).get("conditions") or ()):
            self._tell("Normal", reason, f"Node {name} status is now: {reason}")

    def _keep_awake(self, is_needed: bool) -> None:
        if is_needed:
            self._parts.power.hold()
        else:
            self._parts.power.release()

    # ---- who it is

    async def _try_out(self, presented: Presented) -> None:
        """Whether the API server knows us by a new certificate. Denied."""
        try:
            async with KubeClient(Access(self._access.cluster, HeldIdentity(presented))) as client:
                await client.get(NODES, self._parts.settings.name)
        except Unauthorized as error:
            raise Denied(f"the API server does not know us by the new certificate: {error}") from None
        except (NotFound, KubeError):
            return  # nothing is wrong with it

    async def _on_client_pair(self, pair: Pair) -> None:
        """New connections show it at once; watches begin anew on them."""
        self._access.identity.forget()
        await self._parts.client.reconnect()


def _pod_families(node: Object) -> set[int]:
    """Of a dual-stack cluster both: pods of a family are reached by a node address of that family."""
    cidrs = (node.get("spec") or {}).get("podCIDRs") or ()
    return {6 if ":" in str(cidr) else 4 for cidr in cidrs}
