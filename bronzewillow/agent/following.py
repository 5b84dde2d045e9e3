"""An agent whose overlay is the cluster's: peers follow its objects; our own end moves when the Node does.

The cluster says where our end is: the Node's address, its podCIDR. New peers leave connections alone, and so
does a new address. A new podCIDR makes a new agent in this process, as no connection could outlive it.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psutil

from bronzewillow.adapters import objects
from bronzewillow.adapters.network import ClusterNetwork, Cni, Json, Us
from bronzewillow.agent.addresses import pack_address
from bronzewillow.agent.app import Agent, AgentOptions
from bronzewillow.agent.config import AgentConfig
from bronzewillow.agent.garbage import GarbageSearch
from bronzewillow.agent.remembered import recall, remember
from bronzewillow.agent.upkeep import Upkeep
from bronzewillow.agent.waiting import WaitingRoom
from bronzewillow.cluster.follower import Follower
from bronzewillow.cluster.pods import own_pods
from bronzewillow.cluster.watched import PODS, POLICY, SERVICE_KINDS
from bronzewillow.cni.errors import CniError
from bronzewillow.cni.leases import Leases
from bronzewillow.host.listening import tell_scarcity_shortly
from bronzewillow.host.notify import notify, tell_ready
from bronzewillow.host.tasks import race
from bronzewillow.kube.cache import Change, ChangeType
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.kubeconfig import load_kubeconfig
from bronzewillow.kube.resources import uid_of
from bronzewillow.kube.roaming import follow_address
from bronzewillow.overlay.spec import OverlaySpec, Prefix
from bronzewillow.wire.ethernet import MacRule

_DEFAULT_MTU = 1500
_LEAST_MTU = 576
_PATIENCE_S = 5.0
"""How long an API server gets before we go on with what it said last time."""
_AGAIN_S = 2.0
_RULES = "policy.json"
_COMPILE_EVERY_S = 0.5
"""Policies are compiled at most so often, however fast pods come and go."""
_REMEMBER_EVERY_S = 10.0
_SWITCH_S = 0.0005
"""So long may a thread that compiles keep the loop from a packet; Python's default is ten times that."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FollowOptions:
    """Which cluster, and what it cannot know of us."""

    kubeconfig: Path
    """Whose API server, and by whose rights."""
    cni: Cni | None = None
    """The CNI, instead of looking for it."""
    addresses: tuple[bytes, ...] = ()
    """Our underlay addresses, at most one of each family, instead of the Node's."""
    pod_pools: tuple[Prefix, ...] = ()
    """Ranges for our pods, where the CNI has no podCIDRs."""
    mac_rule: MacRule = MacRule.NOTE
    """What to do with frames for other MACs than ours, where the CNI's peers promise to know ours."""
    remembered: Path | None = None
    """Where the last overlay is kept; the rules of policies beside it."""


async def run_following(follow: FollowOptions, options: AgentOptions) -> None:
    """Serve until SIGTERM or SIGINT. BadCredentials, OSError and ValueError when it cannot begin."""
    sys.setswitchinterval(_SWITCH_S)
    tell_scarcity_shortly()
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, ended.set)
    async with KubeClient(load_kubeconfig(follow.kubeconfig), user_agent="bronzewillow-agent") as client:
        following = Following(client, follow, options)
        searching = GarbageSearch().run(following.knows_all)
        await race(following.run(), follow_address(client), searching, ended.wait())
        notify("STOPPING=1")
        for number in signals:
            loop.remove_signal_handler(number)  # a second one ends us at once
        await following.close()


class Following:
    """The agent of the moment, and what makes the next one."""

    def __init__(self, client: KubeClient, follow: FollowOptions, options: AgentOptions) -> None:
        self._follow = follow
        self._options = options
        self._leases = Leases(options.leases) if options.leases is not None else None
        self._overlays: tuple[OverlaySpec, ...] = ()
        self._told = asyncio.Event()
        self._to_remember = asyncio.Event()
        self._agent: Agent | None = None
        self._is_ready = False
        self._unbound = ""
        self._families: set[int] = set()
        self._waiting = WaitingRoom(self.status)
        self.follower = Follower(
            client,
            options.node_name,
            self._us,
            self._on_network,
            follow.cni,
            (*POLICY, *SERVICE_KINDS),
        )
        rules = follow.remembered.with_name(_RULES) if follow.remembered is not None else None
        self._upkeep = Upkeep(self.follower.observer, options.node_name, rules)
        self._own: dict[str, Json] = {}
        self.follower.observer.listen(PODS, self._on_pods)

    async def run(self) -> None:
        """Until cancelled. OSError and ValueError when it cannot begin."""
        await self._waiting.open(self._options.control)
        await race(self.follower.run(), self._serve(), self._keep_up(), self._remember())

    async def close(self) -> None:
        """Let connections end, up to the limit."""
        await self._waiting.close()
        if self._to_remember.is_set():
            await self._write_down()
        if self._agent is not None:
            _log.info("ending: connections have %.0f s to finish", self._options.drain_s)
            await self._agent.close()

    def status(self) -> dict[str, Any]:
        """What follows whom, and what is wrong with that."""
        network = self.follower.network
        return {
            "cni": network.cni.value if network is not None else "",
            "waiting_for": list(network.waiting_for) if network is not None else ["the API server"],
            "refusals": [str(refusal) for refusal in network.refusals] if network is not None else [],
            "warnings": list(network.warnings) if network is not None else [],
            "missing_rights": list(self.follower.observer.missing_rights()),
            "trouble": self.follower.trouble or self.follower.observer.trouble(),
        }

    def knows_all(self) -> bool:
        """Whether the cluster has told all that is asked of it."""
        is_found = self.follower.network is not None
        return is_found and self.follower.observer.knows(*POLICY, *SERVICE_KINDS)

    # ---- what the cluster says

    def _us(self, of_node: tuple[bytes, ...]) -> Us:
        sandboxes: dict[bytes, str] = {}
        try:
            for lease in self._leases.all() if self._leases is not None else ():
                sandboxes[pack_address(lease.address)] = lease.container_id
        except CniError as error:
            _log.warning("leases: %s", error)
        addresses = self._follow.addresses or of_node
        self._families = {len(address) for address in addresses}
        return Us(
            self._options.node_name,
            addresses,
            min(map(_mtu_of, addresses), default=_DEFAULT_MTU),
            pods=own_pods(self._own.values(), sandboxes),
            pod_pools=self._follow.pod_pools,
            mac_rule=self._follow.mac_rule,
        )

    def _on_pods(self, changes: list[Change]) -> None:
        """Those of this node matter to CNIs that keep books of addresses."""
        for change in changes:
            uid = uid_of(change.object)
            was_ours = self._own.pop(uid, None) is not None
            is_ours = objects.spec_of(change.object).get("nodeName") == self._options.node_name
            if is_ours and change.type is not ChangeType.DELETED:
                self._own[uid] = change.object
            if is_ours or was_ours:
                self.follower.touch()

    def _on_network(self, network: ClusterNetwork) -> None:
        if network.overlays:
            self._overlays = self._with_those_away(network.overlays)
            self._told.set()
            self._to_remember.set()

    async def _remember(self) -> None:
        """The overlay, on disk, which is slow, and so not after each change of a restless cluster."""
        while True:
            await self._to_remember.wait()
            self._to_remember.clear()
            await self._write_down()
            await asyncio.sleep(_REMEMBER_EVERY_S)

    async def _write_down(self) -> None:
        path = self._follow.remembered
        if path is not None:
            try:
                await asyncio.to_thread(remember, path, self._overlays)
            except OSError as error:
                _log.warning("%s: cannot be written: %s", path, error.strerror)

    def _with_those_away(self, overlays: tuple[OverlaySpec, ...]) -> tuple[OverlaySpec, ...]:
        """On the way to another network one family has its address first: what is of the other waits."""
        there = set(map(_pods_family, overlays))
        away = [
            one
            for one in self._overlays
            if _pods_family(one) not in there and len(one.address) not in self._families
        ]
        return tuple(sorted((*overlays, *away), key=_pods_family))

    # ---- the agent of the moment

    async def _serve(self) -> None:
        await self._first_overlay()
        while True:
            self._told.clear()
            overlays = self._overlays
            try:
                config = AgentConfig(overlays, (), self._options.tcp)
                joined = self._agent is not None and await self._agent.join(config)
            except OSError as error:
                await self._await_address(error)
                continue
            if joined:
                self._unbound = ""
                await self._told.wait()
            else:
                await self._replace(overlays)

    async def _first_overlay(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._told.wait()
                return
        except TimeoutError:
            found = recall(self._follow.remembered) if self._follow.remembered is not None else ()
        if found:
            _log.warning("no API server answers yet: going on with the overlay of last time")
            self._overlays = found
        else:
            await self._told.wait()

    async def _replace(self, overlays: tuple[OverlaySpec, ...]) -> None:
        """End the agent that is, and make one at our new end. What stops the first is the user's to mend."""
        if self._agent is not None:
            old, self._agent = self._agent, None
            await old.close(0)
        await self._waiting.close()
        try:
            agent = Agent(AgentConfig(overlays, (), self._options.tcp), self._options, self.status)
            self._upkeep.begin(agent)
            await agent.start()
        except OSError as error:
            if not self._is_ready:
                raise
            await self._await_address(error)
            return
        self._agent = agent
        if not self._is_ready:
            self._is_ready = True
            tell_ready()

    async def _await_address(self, error: OSError) -> None:
        """On the way between two networks the new one is not there yet."""
        if str(error) != self._unbound:
            self._unbound = str(error)
            _log.warning("the overlay's end cannot be made yet: %s", error.strerror or error)
        await race(asyncio.sleep(_AGAIN_S), self._told.wait())

    async def _keep_up(self) -> None:
        """Keep policies of the agent of the moment true, and what it knows of Services and zones."""
        while True:
            await asyncio.sleep(_COMPILE_EVERY_S)
            if self._agent is not None and self.follower.network is not None:
                await self._upkeep.look(self._agent)


def _pods_family(overlay: OverlaySpec) -> int:
    return len(overlay.pod_cidrs[0][0])


def _mtu_of(address: bytes) -> int:
    """The MTU of the interface that has an address."""
    text = str(ip_address(address))
    for name, addresses in psutil.net_if_addrs().items():
        if any(one.address.partition("%")[0] == text for one in addresses):
            stats = psutil.net_if_stats().get(name)
            return stats.mtu if stats is not None and stats.mtu >= _LEAST_MTU else _DEFAULT_MTU
    return _DEFAULT_MTU
