"""Policies and Services of the cluster, brought to the agent of the moment whenever they have changed.

Policies are compiled in a thread: tens of thousands of pods take a while, and packets must not wait for that.
Until the cluster has answered the rules of last time hold: a restart opens no door.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from bronzewillow.adapters import objects
from bronzewillow.adapters.network import Json
from bronzewillow.agent.app import Agent
from bronzewillow.agent.remembered_rules import recall_rules, remember_rules
from bronzewillow.agent.service_feed import ServiceFeed
from bronzewillow.cluster.observer import Observer
from bronzewillow.cluster.pods import PodViews, world, world_of
from bronzewillow.cluster.watched import NODES, POLICY, Watched
from bronzewillow.policy.compile import compile_node
from bronzewillow.policy.rules import NodeRules

_REMEMBER_EVERY_S = 10.0
_REST = 9
"""For each second of compiling so many without: where pods are many and never rest, packets go first."""
_log = logging.getLogger(__name__)


class Upkeep:
    """Of one node, whatever agent it has."""

    def __init__(self, observer: Observer, node_name: str, remembered: Path | None = None) -> None:
        """`remembered`: where the last rules are kept."""
        self._observer = observer
        self._node_name = node_name
        self._remembered = remembered
        self._services = ServiceFeed(observer)
        self._views = PodViews()
        self._seen: dict[str, tuple[object, ...]] = {}
        self._rules = NodeRules((recall_rules(remembered) if remembered is not None else None) or {})
        self._kept = self._rules
        self._kept_at = 0.0
        self._again_at = 0.0

    def begin(self, agent: Agent) -> None:
        """Of an agent that has not started: the last rules, by which nobody passes whom they do not know."""
        agent.net.policy.take(NodeRules(self._rules.pods, frozenset(agent.addresses)))

    async def look(self, agent: Agent) -> None:
        """Bring it what is new."""
        version = self._observer.version(*POLICY)
        is_due = self._observer.knows(*POLICY) and asyncio.get_running_loop().time() >= self._again_at
        if is_due and self._is_new("policies", agent, version, agent.pods.names, agent.addresses):
            await self._enforce(agent)
        agent.ways.services = self._services.table
        if self._is_new("zone", agent, self._observer.version(NODES)):
            node = self._observer.cluster().node(self._node_name)
            agent.ways.balancer.zone = objects.zone(node)
        await self._remember()

    # ---- inside

    def _is_new(self, what: str, *version: object) -> bool:
        before, self._seen[what] = self._seen.get(what), version
        return before != version

    async def _enforce(self, agent: Agent) -> None:
        begin = asyncio.get_running_loop().time()
        found = self._objects(POLICY)
        own, nodes = agent.pods.names, agent.addresses
        self._rules = await asyncio.to_thread(_compile, self._views, found, own, nodes)
        pods, namespaces, policies = found
        agent.enforce(self._rules, partial(world, pods, namespaces, policies))
        end = asyncio.get_running_loop().time()
        self._again_at = end + _REST * (end - begin)

    async def _remember(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._remembered is None or self._rules is self._kept or now < self._kept_at + _REMEMBER_EVERY_S:
            return
        self._kept, self._kept_at = self._rules, now
        try:
            await asyncio.to_thread(remember_rules, self._remembered, self._rules.pods)
        except OSError as error:
            _log.warning("%s: cannot be written: %s", self._remembered, error.strerror)

    def _objects(self, kinds: Iterable[Watched]) -> list[list[Json]]:
        cluster = self._observer.cluster()
        return [[*cluster.all(kind.key).values()] for kind in kinds]


def _compile(
    views: PodViews, found: list[list[Json]], own: Mapping[bytes, str], nodes: Iterable[bytes]
) -> NodeRules:
    pods, namespaces, policies = found
    concerns = world_of(set(own.values()), pods, namespaces, policies, views)
    return compile_node(concerns, own, frozenset(nodes))
