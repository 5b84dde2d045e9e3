"""From a cluster's objects to the agent's overlay, for as long as both live.

Without an API server everything stays as it was: the copy of the objects is what was last seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bronzewillow.adapters import objects
from bronzewillow.adapters.detect import ADAPTERS, detect, leave
from bronzewillow.adapters.network import Cluster, ClusterNetwork, Cni, Publication, Us
from bronzewillow.cluster.observer import Observer
from bronzewillow.cluster.publisher import NotPublished, Publisher
from bronzewillow.cluster.publishing import next_write
from bronzewillow.cluster.watched import BY_CNI, TELLING, Watched, kinds_of
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import KubeError
from bronzewillow.kube.leaving import is_leaving
from bronzewillow.kube.listwatch import ListWatchConfig

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FollowerConfig:
    """How patient a Follower is."""

    settle_s: float = 0.05
    """Changes come in crowds; an adapter looks at all of them once."""
    write_again_s: float = 5.0
    """After a write that failed, or that somebody undid at once."""
    seen_within_s: float = 2.0
    """So long the watch gets to show a write before what comes next is looked for anew."""
    listing: ListWatchConfig = field(default_factory=ListWatchConfig)
    """How each kind is listed and watched."""


class Follower:
    """Keeps this node's place in the network of one cluster."""

    def __init__(
        self,
        client: KubeClient,
        name: str,
        us: Callable[[tuple[bytes, ...]], Us],
        on_network: Callable[[ClusterNetwork], None],
        cni: Cni | None = None,
        further: tuple[Watched, ...] = (),
        config: FollowerConfig | None = None,
    ) -> None:
        """`us` is asked whenever something changed, with the addresses that its kubelet has found.

        `cni` names the CNI instead of looking for it. `further` sets are watched beside the CNI's, of which
        the adapter reads none.
        """
        self._name = name
        self._us = us
        self._on_network = on_network
        self._named = cni
        self._further = further
        self._config = config or FollowerConfig()
        self._publisher = Publisher(client)
        self.observer = Observer(client, self._config.listing)
        self.network: ClusterNetwork | None = None
        """What the adapter said last."""
        self.trouble = ""
        """What cannot be published, and why; empty while all stands."""

    def touch(self) -> None:
        """Something about us has changed: our pods, or our addresses."""
        self.observer.changed.set()

    async def run(self) -> None:
        """Follow the cluster, until cancelled."""
        try:
            cni = await self._begin()
            self.touch()
            while True:
                await self._next_change()
                await self._look(cni)
        finally:
            self.observer.close()

    async def leave(self) -> None:
        """Withdraw what has been published, for a node that goes for good. KubeError.

        `run` need not have been called. If it goes on, here or elsewhere, the Node has to have the mark of
        `kube.leaving`: else all is published again.
        """
        cni = self.network.cni if self.network is not None else await self._joined()
        if cni is None:
            return
        while left := next_write(self._withdrawn(cni, self.observer.cluster()), self.observer.cluster()):
            why = "still there: a finalizer holds it, or the node's agent makes it again; end that first"
            self.trouble = f"{left.resource} {left.name}: {why}"
            await self._publish(cni, self._withdrawn(cni, self.observer.cluster()))

    # ---- inside

    async def _begin(self) -> Cni:
        cni = await self._find()
        await self._watch(cni)
        return cni

    async def _joined(self) -> Cni | None:
        """Whose cluster we may be in, without waiting for one. NotPublished when that cannot be seen."""
        if self._named is None:
            self.observer.watch(TELLING)
            await self.observer.settled()
            found = detect(self.observer.cluster())
            if found is None and (missing := self.observer.missing_rights()):
                cure = "apply what `bronzewillow join --print-setup` prints"
                raise NotPublished(f"{'; '.join(missing)}; {cure}")
        else:
            found = self._named
        if found is not None:
            await self._watch(found)
        return found

    async def _watch(self, cni: Cni) -> None:
        self.observer.watch(BY_CNI[cni], quiet=self._further)
        await self.observer.settled()

    def _withdrawn(self, cni: Cni, cluster: Cluster) -> tuple[Publication, ...]:
        return leave(cni, cluster, self._whole_us(cluster))

    async def _find(self) -> Cni:
        if self._named is not None:
            return self._named
        self.observer.watch(TELLING)
        await self.observer.settled()
        told = False
        while True:
            found = detect(self.observer.cluster())
            if found is not None:
                _log.info("the cluster's network is %s", found.value)
                return found
            if not told:
                _log.warning("no CNI that this node can join shows itself yet; --cni names one")
                told = True
            await self._next_change()

    async def _next_change(self) -> None:
        await self.observer.changed.wait()
        await asyncio.sleep(self._config.settle_s)
        self.observer.changed.clear()

    async def _look(self, cni: Cni) -> None:
        cluster = self.observer.snapshot()
        # hundreds of nodes take a while, and packets must not wait for it
        network = await asyncio.to_thread(ADAPTERS[cni], cluster, self._whole_us(cluster))
        if network != self.network:
            _tell(self.network, network)
            self.network = network
            self._on_network(network)
        has_left = is_leaving(cluster.node(self._name) or {})
        try:
            await self._publish(cni, self._withdrawn(cni, cluster) if has_left else network.publications)
            self.trouble = ""
        except KubeError as error:
            if str(error) != self.trouble:
                _log.warning("publishing: %s", error)
            self.trouble = str(error)
            asyncio.get_running_loop().call_later(self._config.write_again_s, self.touch)

    async def _publish(self, cni: Cni, publications: tuple[Publication, ...]) -> None:
        """Write what does not stand, each once, waiting until the watch has shown it."""
        kinds = kinds_of(cni)
        last = None
        while True:
            request = next_write(publications, self.observer.cluster())
            if request is None:
                return
            if request == last:  # it was written, and somebody made it what it was before
                asyncio.get_running_loop().call_later(self._config.write_again_s, self.touch)
                return
            last = request
            await self._publisher.write(request, kinds)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._config.seen_within_s):
                    # what changes first may be something else
                    while next_write(publications, self.observer.cluster()) == request:
                        self.observer.changed.clear()
                        await self.observer.changed.wait()
            self.observer.changed.set()  # whatever it was, it may mean more than what we wrote

    def _whole_us(self, cluster: Cluster) -> Us:
        """Us, with the Node's UID."""
        node = cluster.node(self._name) or {}
        us = self._us(tuple(objects.node_addresses(node).values()))
        return replace(us, uid=str(objects.metadata_of(node).get("uid") or ""))


def _tell(old: ClusterNetwork | None, new: ClusterNetwork) -> None:
    """What an operator should read once."""
    for refusal in new.refusals:
        if old is None or refusal not in old.refusals:
            _log.error("this node cannot join: %s", refusal)
    for text in new.waiting_for:
        if old is None or text not in old.waiting_for:
            _log.info("waiting for %s", text)
    for text in new.warnings:
        if old is None or text not in old.warnings:
            _log.warning("%s", text)
