"""Who somebody is, and what they may."""

from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.kube.access import Access, Presented
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import Invalid, StatusError, Unauthorized
from bronzewillow.kube.identity import HeldIdentity
from bronzewillow.kube.resources import (
    PODS,
    SERVICE_ACCOUNTS,
    SUBJECT_ACCESS_REVIEWS,
    TOKEN_REVIEWS,
    Object,
)

from .conftest import Play
from .scene import Scene

pytestmark = pytest.mark.loopback


async def token(scene: Scene, **spec: Any) -> str:
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    answer = await scene.admin.create_subresource(
        SERVICE_ACCOUNTS, "default", "token", request, scene.namespace
    )
    return str(answer["status"]["token"])


async def review(client: KubeClient, text: str, **spec: Any) -> Object:
    answer = await client.create(TOKEN_REVIEWS, {"spec": {"token": text, **spec}})
    status: Object = answer["status"]
    return status


def test_tokens_are_known_to_the_node(play: Play) -> None:
    async def body(scene: Scene) -> None:
        node = await scene.make_node()
        name = f"system:serviceaccount:{scene.namespace}:default"
        status = await review(node, await token(scene))
        assert (status["authenticated"], status["user"]["username"]) == (True, name)
        assert {"system:serviceaccounts", f"system:serviceaccounts:{scene.namespace}"} <= {
            *status["user"]["groups"]
        }
        assert status["user"]["uid"]
        assert not (await review(node, "nonsense")).get("authenticated")

    play(body)


def test_audiences(play: Play) -> None:
    async def body(scene: Scene) -> None:
        mine = await token(scene, audiences=["mine"])
        assert not (await review(scene.admin, mine)).get("authenticated")
        status = await review(scene.admin, mine, audiences=["mine", "other"])
        assert (status["authenticated"], status["audiences"]) == (True, ["mine"])
        with pytest.raises(Unauthorized):
            await scene.client(Access(scene.plane.cluster, HeldIdentity(Presented(token=mine)))).list(PODS)

    play(body)


def test_a_token_ends_with_its_pod(play: Play) -> None:
    async def body(scene: Scene) -> None:
        pod = await scene.make_pod()
        reference = {"kind": "Pod", "apiVersion": "v1", "name": "a", "uid": pod["metadata"]["uid"]}
        bound = await token(scene, boundObjectRef=reference)
        status = await review(scene.admin, bound)
        assert status["user"]["extra"]["authentication.kubernetes.io/pod-name"] == ["a"]
        await scene.admin.delete(PODS, "a", scene.namespace, grace_period_s=0)
        if not scene.is_real:  # the real one notices within a minute
            assert not (await review(scene.admin, bound)).get("authenticated")
        for wrong in ({"uid": scene.namespace}, {"name": "gone"}):
            with pytest.raises(StatusError) as caught:
                await token(scene, boundObjectRef={**reference, **wrong})
            assert caught.value.code in (404, 409)

    play(body)


def test_lives_of_tokens(play: Play) -> None:
    async def body(scene: Scene) -> None:
        with pytest.raises(Invalid, match="may not specify a duration less than 10 minutes"):
            await token(scene, expirationSeconds=599)

    play(body)


def test_access(play: Play) -> None:
    async def body(scene: Scene) -> None:
        node = await scene.make_node()

        async def allowed(**spec: Any) -> bool:
            answer = await node.create(SUBJECT_ACCESS_REVIEWS, {"spec": spec})
            return bool(answer["status"]["allowed"])

        logs = {"verb": "get", "version": "v1", "resource": "nodes", "subresource": "log", "name": scene.node}
        assert await allowed(user="x", groups=["system:masters"], resourceAttributes=logs)
        assert not await allowed(user="x", groups=["others"], resourceAttributes=logs)
        version = {"verb": "get", "path": "/version"}
        assert await allowed(user="x", groups=["system:authenticated"], nonResourceAttributes=version)
        assert not await allowed(user="x", nonResourceAttributes={"verb": "get", "path": "/nonsense"})
        self_service = {"verb": "get", "resource": "nodes", "name": scene.node}
        groups = ["system:nodes", "system:authenticated"]
        assert await allowed(user=f"system:node:{scene.node}", groups=groups, resourceAttributes=self_service)
        other = {**self_service, "name": "other"}
        assert not await allowed(user=f"system:node:{scene.node}", groups=groups, resourceAttributes=other)

    play(body)
