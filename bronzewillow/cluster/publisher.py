"""Carries out what `publishing` says, one request at a time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import cast

from bronzewillow.adapters import network
from bronzewillow.cluster.publishing import NextWrite, Verb
from bronzewillow.kube.client import KubeClient, PatchType
from bronzewillow.kube.errors import AlreadyExists, Conflict, NotFound
from bronzewillow.kube.resources import Object, Resource

_log = logging.getLogger(__name__)


class Publisher:
    """Writes by one identity."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def write(self, request: NextWrite, kinds: Mapping[network.Resource, Resource]) -> None:
        """One request. KubeError, but not for what shows that our copy is old: the watch will tell."""
        resource = kinds[request.resource]
        namespace, _, name = request.name.rpartition("/")
        body = cast(Object, request.body)
        _log.info("publishing: %s %s %s", request.verb.value, request.resource, request.name)
        try:
            match request.verb:
                case Verb.CREATE:
                    await self._client.create(resource, body)
                case Verb.REPLACE:
                    await self._client.replace(resource, body)
                case Verb.PATCH:
                    await self._client.patch(resource, name, body, namespace, type=PatchType.MERGE)
                case Verb.PATCH_STATUS:
                    await self._client.patch(
                        resource, name, body, namespace, subresource="status", type=PatchType.MERGE
                    )
                case Verb.DELETE:
                    await self._client.delete(resource, name, namespace)
        except (AlreadyExists, Conflict) as error:
            _log.info("publishing: %s", error)
        except NotFound:
            if request.verb is not Verb.DELETE:
                raise
