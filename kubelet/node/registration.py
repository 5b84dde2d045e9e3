"""Having a Node object: made when there is none, taken over when there is one."""

from __future__ import annotations

import logging

from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import AlreadyExists, Forbidden, Invalid, KubeError, NotFound, Unauthorized
from bronzewillow.kube.resources import LEASES, NODES, Object
from kubelet.clock import Clock
from kubelet.node.errors import AlreadyExists as NameTaken
from kubelet.node.errors import FailedPrecondition
from kubelet.node.registry import is_alive, is_another_machine, leftovers_patch, metadata_patch

LEASE_NAMESPACE = "kube-node-lease"
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 7.0
_log = logging.getLogger(__name__)


class Registration:
    """Makes one Node, and takes it over where it is there."""

    def __init__(self, client: KubeClient, clock: Clock) -> None:
        self._client, self._clock = client, clock

    async def register(self, node: Object) -> tuple[Object, Object | None]:
        """The Node as it is then, and as it was before, if it was; tried until it succeeds.

        AlreadyExists: another machine lives under this name. FailedPrecondition: the API server refuses.
        """
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                return await self._try(node)
            except (Unauthorized, Forbidden, Invalid) as error:
                raise FailedPrecondition(
                    f"the node {node['metadata']['name']} cannot register: {error}"
                ) from None
            except KubeError as error:
                _log.warning("the node cannot register yet: %s", error)
            await self._clock.sleep(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    async def _try(self, node: Object) -> tuple[Object, Object | None]:
        try:
            return await self._client.create(NODES, node), None
        except AlreadyExists:
            name = node["metadata"]["name"]
            existing = await self._client.get(NODES, name)
            if is_another_machine(existing, node):
                await self._refuse_the_living(name)
            now = existing
            if (patch := metadata_patch(existing, node)) is not None:
                now = await self._client.patch(NODES, name, patch)
            if (patch := leftovers_patch(existing, node)) is not None:
                now = await self._client.patch(NODES, name, patch, subresource="status")
            return now, existing

    async def _refuse_the_living(self, name: str) -> None:
        try:
            lease = await self._client.get(LEASES, name, LEASE_NAMESPACE)
        except NotFound:
            return
        if is_alive(lease, self._clock.wall()):
            raise NameTaken(
                f"another machine is the node {name} already, and alive; choose another with --node-name, "
                "or run `bronzewillow leave` there"
            )
