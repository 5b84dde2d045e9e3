"""Writes, over HTTPS."""

from __future__ import annotations

import pytest

from bronzewillow.adapters.network import NODES, Cni
from bronzewillow.cluster.publisher import NotPublished, Publisher
from bronzewillow.cluster.publishing import NextWrite, Verb
from bronzewillow.cluster.watched import BY_CNI, kinds_of
from bronzewillow.kube import resources
from bronzewillow.kube.client import KubeClient
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.server import ApiServer, api_server

from .conftest import crd, node, notes_of

pytestmark = pytest.mark.loopback

ENDPOINTS = next(w for w in BY_CNI[Cni.CILIUM] if w.key.plural == "ciliumendpoints")
ENDPOINT = {
    "apiVersion": "cilium.io/v2",
    "kind": "CiliumEndpoint",
    "metadata": {"namespace": "default", "name": "llm-0"},
    "status": {"state": "ready"},
}


def test_every_verb() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client:
            server.make(resources.CUSTOM_RESOURCE_DEFINITIONS, crd(ENDPOINTS.resource))
            server.make(resources.NODES, node("mac-1", "192.0.2.2"))
            publisher = Publisher(client)

            async def write(verb: Verb, body: object, name: str = "default/llm-0") -> None:
                request = NextWrite(verb, ENDPOINTS.key, name, body)  # type: ignore[arg-type]
                await publisher.write(request, kinds_of(Cni.CILIUM))

            await write(Verb.CREATE, ENDPOINT)
            await write(Verb.CREATE, ENDPOINT)  # somebody was faster: the watch will tell
            found = _endpoint(server)
            assert found is not None
            await write(Verb.REPLACE, {**found, "status": {"state": "gone"}})
            await write(Verb.REPLACE, {**found, "status": {"state": "late"}})  # a Conflict
            changed = _endpoint(server)
            assert changed is not None
            assert changed["status"] == {"state": "gone"}
            await write(Verb.PATCH, {"status": {"state": "patched"}})
            patched = _endpoint(server)
            assert patched is not None
            assert patched["status"] == {"state": "patched"}
            await write(Verb.DELETE, {})
            await write(Verb.DELETE, {})
            assert _endpoint(server) is None
            with pytest.raises(NotPublished, match=r"default/llm-0: .* not found"):
                await write(Verb.PATCH, {"status": {}})
            patch = {"metadata": {"annotations": {"x/public-ip": "192.0.2.2"}}}
            await publisher.write(NextWrite(Verb.PATCH_STATUS, NODES, "mac-1", patch), kinds_of(Cni.CILIUM))
            assert notes_of(server, "mac-1") == {"public-ip": "192.0.2.2"}

    run(main())


def _endpoint(server: ApiServer) -> dict[str, object] | None:
    return server.store.get(ENDPOINTS.resource, "default", "llm-0")


def test_what_hinders_is_named_with_the_object_and_the_cure() -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client:
            request = NextWrite(Verb.CREATE, ENDPOINTS.key, "default/llm-0", ENDPOINT)
            with pytest.raises(
                NotPublished, match=r"default/llm-0: the cluster does not know ciliumendpoints"
            ):
                await Publisher(client).write(request, kinds_of(Cni.CILIUM))
            server.make(resources.CUSTOM_RESOURCE_DEFINITIONS, crd(ENDPOINTS.resource))
            async with KubeClient(server.certified("somebody")) as other:
                with pytest.raises(NotPublished, match=r"cannot create .*; apply what `bronzewillow"):
                    await Publisher(other).write(request, kinds_of(Cni.CILIUM))

    run(main())
