"""The API server asked who a token is of, and what they may."""

from __future__ import annotations

from typing import Any

from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.resources import SUBJECT_ACCESS_REVIEWS, TOKEN_REVIEWS, Object, Resource
from kubelet.server.surroundings import Json


class KubeReviews:
    """By the node's own identity, which may create both kinds of reviews."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def token(self, token: str) -> Json:
        """The status of a TokenReview. KubeError."""
        return await self._status(TOKEN_REVIEWS, {"token": token})

    async def access(self, spec: Json) -> Json:
        """The status of a SubjectAccessReview. KubeError."""
        return await self._status(SUBJECT_ACCESS_REVIEWS, dict(spec))

    async def _status(self, resource: Resource, spec: dict[str, Any]) -> Json:
        review: Object = {"apiVersion": resource.api_version, "kind": resource.kind, "spec": spec}
        status = (await self._client.create(resource, review)).get("status")
        return status if isinstance(status, dict) else {}
