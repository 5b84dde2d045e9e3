"""Questions to the API server."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.resources import Object, Resource
from kubelet.server.reviews import KubeReviews


class Client:
    def __init__(self, status: Any) -> None:
        self.status = status
        self.created: list[tuple[str, Object]] = []

    async def create(self, resource: Resource, obj: Object) -> Object:
        self.created.append((resource.path(), obj))
        return {**obj, "status": self.status}


def test_both_reviews_are_created_and_their_status_is_the_answer() -> None:
    async def run() -> None:
        client = Client({"authenticated": True})
        reviews = KubeReviews(cast(KubeClient, client))
        assert await reviews.token("secret") == {"authenticated": True}
        assert await reviews.access({"user": "bob"}) == {"authenticated": True}
        assert client.created == [
            (
                "/apis/authentication.k8s.io/v1/tokenreviews",
                {
                    "apiVersion": "authentication.k8s.io/v1",
                    "kind": "TokenReview",
                    "spec": {"token": "secret"},
                },
            ),
            (
                "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                {
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SubjectAccessReview",
                    "spec": {"user": "bob"},
                },
            ),
        ]

    asyncio.run(run())


def test_no_status_is_no_answer() -> None:
    assert asyncio.run(KubeReviews(cast(KubeClient, Client(None))).token("x")) == {}
