"""Carries out what `publishing` says, one request at a time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import cast

from bronzewillow.adapters import network
from bronzewillow.cluster.publishing import NextWrite, Verb
from bronzewillow.kube.client import KubeClient, PatchType
from bronzewillow.kube.errors import AlreadyExists, Conflict, Forbidden, KubeError, NotFound
from bronzewillow.kube.resources import Object, Resource

_log = logging.getLogger(__name__)


class NotPublished(KubeError):
    """What could not be written, why, and what to do about it."""


class Publisher:
    """Writes by one identity."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def write(self, request: NextWrite, kinds: Mapping[network.Resource, Resource]) -> None:
        """One request. NotPublished, but not for what shows that our copy is old: the watch will tell."""
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
        except NotFound as error:
            if request.verb is not Verb.DELETE:
                is_kind = request.verb is Verb.CREATE
                why = f"the cluster does not know {request.resource} yet" if is_kind else str(error)
                raise NotPublished(f"{request.resource} {request.name}: {why}") from error
        except Forbidden as error:
            cure = "apply what `bronzewillow join --print-setup` prints"
            raise NotPublished(f"{request.resource} {request.name}: {error}; {cure}") from error
        except KubeError as error:
            raise NotPublished(f"{request.resource} {request.name}: {error}") from error
