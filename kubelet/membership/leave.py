"""Leaving a cluster: no new pods, an orderly end of those that are here, then the node itself.

A node may not delete its Node object, so the line for that is told. What is interrupted can be done again:
the node's identity is forgotten last. Before it goes what the network has published: pods have ended by then,
and its account is still there.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bronzewillow.kube.client import KubeClient, Selection
from bronzewillow.kube.errors import Forbidden, KubeError, NotFound, TooManyRequests, Unauthorized
from bronzewillow.kube.leaving import LEAVING
from bronzewillow.kube.resources import LEASES, NODES, PODS, Object, name_of, uid_of
from bronzewillow.kube.times import emit_time
from kubelet.clock import Clock
from kubelet.membership.errors import MembershipError
from kubelet.membership.home import Home, Membership
from kubelet.node.registration import LEASE_NAMESPACE

_LOOK_S = 2.0
_MIRROR = "kubernetes.io/config.mirror"
_log = logging.getLogger(__name__)
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LeaveOptions:
    """How a cluster is left."""

    timeout_s: float = 300.0
    """For pods to end."""
    force: bool = False
    """Pods that do not end by themselves are deleted; a cluster that does not answer is left all the same."""


class Leaving:
    """The steps, in their order."""

    def __init__(
        self,
        client: KubeClient,
        membership: Membership,
        end_kubelet: Callable[[], Awaitable[bool]],
        withdraw_network: Callable[[], Awaitable[bool]],
        options: LeaveOptions,
        clock: Clock,
        say: Say,
        administrator: KubeClient | None = None,
    ) -> None:
        """`end_kubelet` ends the llm-kubelet of this node, and says whether one ran. `withdraw_network` takes
        the node out of the pod network, and says whether it was in one; MembershipError. `administrator` may
        delete Nodes.
        """
        self._client, self._name = client, membership.node_name
        self._administrator = administrator or client
        self._end_kubelet, self._withdraw_network = end_kubelet, withdraw_network
        self._options, self._clock, self._say = options, clock, say

    async def run(self, home: Home, *, is_kubelet_running: bool) -> None:
        """All of them. MembershipError; nothing is forgotten then."""
        try:
            await self.cordon()
            await self.drain(is_kubelet_running)
            await self._end_kubelet()
            await self.leave_network()
            await self.withdraw()
            is_deleted = await self.delete_node()
        except KubeError as error:
            if not self._options.force:
                raise MembershipError(
                    f"{error}; try again, or leave without telling the cluster: bronzewillow leave --force"
                ) from None
            self._say(f"the cluster was not told: {error}")
            await self._end_kubelet()
            is_deleted = False
        home.forget()
        self._say("this machine has left the cluster")
        if not is_deleted:
            self._say(f"an administrator removes what is left of it: kubectl delete node {self._name}")

    async def cordon(self) -> None:
        """Nothing new is scheduled here. KubeError."""
        with contextlib.suppress(NotFound):
            await self._client.patch(NODES, self._name, {"spec": {"unschedulable": True}})
            self._say(f"the node {self._name} is cordoned")

    async def drain(self, is_kubelet_running: bool) -> None:
        """Evict, as `kubectl drain` does, and wait until no pod is left. MembershipError, KubeError."""
        deadline = self._clock.monotonic() + int(self._options.timeout_s * 1_000_000)
        # a DaemonSet makes new ones at once, cordoned or not: those are not waited for
        wanted = {uid_of(pod) for pod in await self._pods() if not _is_mirror(pod)}
        asked: set[str] = set()
        while pods := [pod for pod in await self._pods() if uid_of(pod) in wanted]:
            for pod in pods:
                if uid_of(pod) not in asked and not _is_ending(pod) and await self._evict(pod):
                    asked.add(uid_of(pod))
            if not is_kubelet_running or self._clock.monotonic() >= deadline:
                await self._give_up(pods, is_kubelet_running)
                return
            await self._clock.sleep(_LOOK_S)

    async def leave_network(self) -> None:
        """Peers forget it; an agent that still runs publishes no more. MembershipError, KubeError."""
        with contextlib.suppress(NotFound):
            await self._client.patch(NODES, self._name, {"metadata": {"annotations": {LEAVING: "true"}}})
        try:
            if await self._withdraw_network():
                self._say("the pod network is left")
        except MembershipError as error:
            if not self._options.force:
                raise MembershipError(f"{error}; try again, or leave all the same (--force)") from None
            self._say(f"{error}: an administrator removes what is left of it in the CNI's objects")

    async def withdraw(self) -> None:
        """Say that the node has gone, and take its Lease and its mirror pods away. KubeError."""
        now = emit_time(self._clock.wall())
        ready = {
            "type": "Ready",
            "status": "False",
            "reason": "KubeletNotReady",
            "message": "the node has left the cluster",
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        for pod in await self._pods():
            await self._delete(pod)
        with contextlib.suppress(NotFound):
            await self._client.patch(
                NODES, self._name, {"status": {"conditions": [ready]}}, subresource="status"
            )
        with contextlib.suppress(NotFound):
            await self._client.delete(LEASES, self._name, LEASE_NAMESPACE)

    async def delete_node(self) -> bool:
        """Whether the Node is gone. A node is not allowed to; an administrator's own rules may be others."""
        try:
            await self._administrator.delete(NODES, self._name)
        except (Forbidden, Unauthorized):
            return False
        except NotFound:
            return True
        return True

    async def _pods(self) -> list[Object]:
        selection = Selection(fields=f"spec.nodeName={self._name}")
        items: list[Object] = (await self._client.list(PODS, selection)).get("items") or []
        return items

    async def _evict(self, pod: Object) -> bool:
        """Whether it was taken; a disruption budget may want us to wait."""
        namespace, name = name_of(pod)
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": {"preconditions": {"uid": uid_of(pod)}},
        }
        try:
            await self._client.create_subresource(PODS, name, "eviction", body, namespace)
        except TooManyRequests as error:
            _log.info("%s/%s: %s", namespace, name, error)
            return False
        except NotFound:
            return True
        self._say(f"evicted {namespace}/{name}")
        return True

    async def _give_up(self, pods: list[Object], is_kubelet_running: bool) -> None:
        names = ", ".join("/".join(name_of(pod)) for pod in pods)
        if not self._options.force:
            why = (
                f"have not ended within {self._options.timeout_s:.0f} s"
                if is_kubelet_running
                else "are left, and no llm-kubelet runs here to end them"
            )
            cure = "wait longer (--timeout)" if is_kubelet_running else "start it"
            raise MembershipError(f"{names}: {why}; {cure}, or have them deleted (--force)")
        for pod in pods:
            await self._delete(pod)
        self._say(f"deleted by force: {names}")

    async def _delete(self, pod: Object) -> None:
        namespace, name = name_of(pod)
        with contextlib.suppress(NotFound):
            await self._client.delete(PODS, name, namespace, grace_period_s=0, uid=uid_of(pod))


def _is_mirror(pod: Object) -> bool:
    """Of a static pod: the object is a shadow of a file here."""
    return _MIRROR in (pod["metadata"].get("annotations") or {})


def _is_ending(pod: Object) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))
