"""Services, their endpoints, and kinds that a definition brings."""

from __future__ import annotations

import pytest

from bronzewillow.kube.client import PatchType, Selection
from bronzewillow.kube.errors import KubeError, NotFound, StatusError
from bronzewillow.kube.resources import (
    CUSTOM_RESOURCE_DEFINITIONS,
    ENDPOINT_SLICES,
    PODS,
    SERVICES,
    Object,
    Resource,
)

from .conftest import Play
from .scene import Scene, condition

pytestmark = pytest.mark.loopback


async def slices(scene: Scene) -> list[Object]:
    selection = Selection(scene.namespace, labels="kubernetes.io/service-name=llm")
    page = await scene.admin.list(ENDPOINT_SLICES, selection)
    items: list[Object] = page["items"]
    return items


def test_a_service_gets_an_address(play: Play) -> None:
    async def body(scene: Scene) -> None:
        spec = {"selector": {"app": "llm"}, "ports": [{"port": 80, "targetPort": 8080}]}
        made = await scene.admin.create(
            SERVICES, {"metadata": {"name": "llm", "namespace": scene.namespace}, "spec": spec}
        )
        expected = {
            **spec,
            "type": "ClusterIP",
            "clusterIP": made["spec"]["clusterIP"],
            "clusterIPs": [made["spec"]["clusterIP"]],
            "ports": [{"port": 80, "targetPort": 8080, "protocol": "TCP"}],
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
        }
        assert made["spec"] == expected
        assert made["spec"]["clusterIP"].startswith("10.96.")
        assert made["status"] == {"loadBalancer": {}}

    play(body)


def test_endpoints_follow_the_pods(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.make_node(ready=True)
        spec = {"selector": {"app": "llm"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
        await scene.admin.create(
            SERVICES, {"metadata": {"name": "llm", "namespace": scene.namespace}, "spec": spec}
        )
        pod = await scene.make_pod()
        status = {
            "phase": "Running",
            "podIP": "10.244.200.7",
            "podIPs": [{"ip": "10.244.200.7"}],
            "conditions": [condition("Ready", "True")],
        }
        await scene.admin.patch(PODS, "a", {"status": status}, scene.namespace, subresource="status")
        selection = Selection(scene.namespace, labels="kubernetes.io/service-name=llm")
        page = await scene.admin.list(ENDPOINT_SLICES, selection)
        found = [item for item in page["items"] if item.get("endpoints")]
        version = page["metadata"]["resourceVersion"]
        if not found:
            async with scene.admin.watch(
                ENDPOINT_SLICES, selection, resource_version=version, timeout_s=60
            ) as events:
                async for _, obj in events:
                    if obj.get("endpoints"):
                        found = [obj]
                        break
        [endpoint] = found[0]["endpoints"]
        assert endpoint["addresses"] == ["10.244.200.7"]
        assert endpoint["conditions"] == {"ready": True, "serving": True, "terminating": False}
        assert endpoint["nodeName"] == scene.node
        assert endpoint["targetRef"]["uid"] == pod["metadata"]["uid"]
        assert found[0]["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
        assert found[0]["addressType"] == "IPv4"

    play(body)


def test_kinds_of_definitions(play: Play) -> None:
    async def body(scene: Scene) -> None:
        group = f"{scene.namespace}.example"
        resource = Resource(group, "v1", "pools", "Pool", namespaced=False)
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        version = {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": schema},
            "subresources": {"status": {}},
        }
        definition = {
            "metadata": {"name": f"pools.{group}"},
            "spec": {
                "group": group,
                "scope": "Cluster",
                "names": {"plural": "pools", "singular": "pool", "kind": "Pool"},
                "versions": [version],
            },
        }
        await scene.admin.create(CUSTOM_RESOURCE_DEFINITIONS, definition)
        scene.cleanups.append(lambda: scene.admin.delete(CUSTOM_RESOURCE_DEFINITIONS, f"pools.{group}"))

        def established(obj: Object) -> bool:
            kinds = {c["type"]: c["status"] for c in (obj.get("status") or {}).get("conditions") or []}
            return kinds.get("Established") == "True"

        await scene.until(CUSTOM_RESOURCE_DEFINITIONS, f"pools.{group}", established)
        made = await _made(scene, resource)
        assert (made["metadata"]["generation"], "status" in made) == (1, False)
        status = {"status": {"y": 2}}
        with pytest.raises(StatusError) as caught:
            await scene.admin.patch(resource, "a", status, subresource="status")
        assert caught.value.code == 415
        found = await scene.admin.patch(resource, "a", status, subresource="status", type=PatchType.MERGE)
        assert (found["status"], found["metadata"]["generation"]) == ({"y": 2}, 1)
        found = await scene.admin.patch(resource, "a", {"spec": {"x": 2}}, type=PatchType.MERGE)
        assert found["metadata"]["generation"] == 2
        answer = await scene.admin.delete(resource, "a")
        assert answer["details"]["uid"] == made["metadata"]["uid"]
        assert answer["details"]["group"] == group

    play(body)


async def _made(scene: Scene, resource: Resource) -> Object:
    """A kind is served a moment after its definition is Established."""
    for _ in range(1000):
        try:
            return await scene.admin.create(
                resource,
                {
                    "apiVersion": resource.api_version,
                    "kind": "Pool",
                    "metadata": {"name": "a"},
                    "spec": {"x": 1},
                    "status": {"y": 1},
                },
            )
        except NotFound as error:
            last: KubeError = error
    raise last
