"""What a node may do with its own identity, and what happens to its Node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bronzewillow.kube.client import KubeClient, PatchType, Selection
from bronzewillow.kube.errors import Forbidden, KubeError, NotFound
from bronzewillow.kube.resources import (
    CERTIFICATE_SIGNING_REQUESTS,
    CONFIG_MAPS,
    ENDPOINT_SLICES,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Object,
)

from .conftest import Play
from .scene import TAINT, Scene, condition

pytestmark = pytest.mark.loopback
MIRROR = "kubernetes.io/config.mirror"
NOT_READY = "node.kubernetes.io/not-ready"


def keys(node: Object) -> set[str]:
    return {taint["key"] for taint in node["spec"]["taints"]}


def label(name: str) -> Object:
    return {"metadata": {"labels": {name: "x"}}}


async def refused(call: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(Forbidden):
        await call()


def test_a_node_registers_and_becomes_ready(play: Play) -> None:
    async def body(scene: Scene) -> None:
        node = await scene.make_node()
        assert keys(scene.made_node) == {"contract", NOT_READY}
        not_ready = {"conditions": [condition("Ready", "False")]}
        await node.patch(NODES, scene.node, {"status": not_ready}, subresource="status")
        await scene.until(NODES, scene.node, lambda obj: NOT_READY in keys(obj))
        await scene.until(NODES, scene.node, lambda obj: "podCIDR" in obj["spec"])
        status = {"conditions": [condition("Ready", "True")]}
        await node.patch(NODES, scene.node, {"status": status}, subresource="status")
        found = await scene.until(NODES, scene.node, lambda obj: len(obj["spec"]["taints"]) == 1)
        assert found["spec"]["taints"] == [TAINT]
        foreign = {"conditions": [condition("NetworkUnavailable", "False")]}
        await scene.admin.patch(NODES, scene.node, {"status": foreign}, subresource="status")
        await node.patch(NODES, scene.node, {"status": status}, subresource="status")
        kinds = {c["type"] for c in (await node.get(NODES, scene.node))["status"]["conditions"]}
        assert {"Ready", "NetworkUnavailable"} <= kinds

    play(body)


def test_a_node_reads_its_own_node_only(play: Play) -> None:
    async def body(scene: Scene) -> None:
        node = await scene.make_node()
        page = await node.list(NODES, Selection(fields=f"metadata.name={scene.node}"))
        assert len(page["items"]) == 1
        other = f"{scene.node}-other"
        with pytest.raises(Forbidden, match="is not allowed to modify node"):
            await node.create(NODES, {"metadata": {"name": other}})
        with pytest.raises(NotFound):
            await node.patch(NODES, other, label("example.dev/x"))
        await scene.admin.create(NODES, {"metadata": {"name": other}})
        scene.cleanups.append(lambda: scene.admin.delete(NODES, other))
        for call in (
            lambda: node.list(NODES),
            lambda: node.get(NODES, other),
            lambda: node.patch(NODES, other, label("example.dev/x")),
            lambda: node.delete(NODES, scene.node),
        ):
            await refused(call)

    play(body)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("example.dev/x", True),
        ("kubernetes.io/hostname", True),
        ("node.kubernetes.io/instance-type", True),
        ("kubelet.kubernetes.io/x", True),
        ("node.kubernetes.io/exclude-from-external-load-balancers", True),
        ("node-role.kubernetes.io/worker", False),
        ("node-restriction.kubernetes.io/x", False),
        ("x.kubernetes.io/y", False),
        ("example.k8s.io/x", False),
    ],
)
def test_labels(play: Play, name: str, allowed: bool) -> None:
    async def body(scene: Scene) -> None:
        node = await scene.make_node()
        if allowed:
            await node.patch(NODES, scene.node, label(name))
            return
        with pytest.raises(Forbidden, match=f"is not allowed to modify labels: {name}"):
            await node.patch(NODES, scene.node, label(name))
        if "node-role" in name:
            return  # distributions let a node say what it is
        other = scene.as_node()
        await scene.admin.delete(NODES, scene.node)
        with pytest.raises(Forbidden, match=f"is not allowed to set the following labels: {name}"):
            await other.create(NODES, {"metadata": {"name": scene.node, "labels": {name: "x"}}})

    play(body)


def test_taints_are_set_once(play: Play) -> None:
    async def body(scene: Scene) -> None:
        node = await scene.make_node()
        with pytest.raises(Forbidden, match="is not allowed to modify taints"):
            await node.patch(NODES, scene.node, {"spec": {"taints": []}})
        await node.patch(NODES, scene.node, {"metadata": {"annotations": {"example.dev/x": "y"}}})

    play(body)


def test_leases(play: Play) -> None:
    async def body(scene: Scene) -> None:
        node = await scene.make_node()

        def lease(name: str, namespace: str = "kube-node-lease") -> Object:
            return {
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "holderIdentity": scene.node,
                    "leaseDurationSeconds": 40,
                    "renewTime": "2025-01-01T00:00:00.000000Z",
                },
            }

        made = await node.create(LEASES, lease(scene.node))
        made["spec"]["renewTime"] = "2025-01-01T00:00:10.000001Z"
        renewed = await node.replace(LEASES, made)
        assert renewed["spec"]["renewTime"] == "2025-01-01T00:00:10.000001Z"
        for call in (
            lambda: node.create(LEASES, lease("other")),
            lambda: node.get(LEASES, "other", "kube-node-lease"),
            lambda: node.get(LEASES, scene.node, "kube-system"),
            lambda: node.list(LEASES, Selection("kube-node-lease")),
        ):
            await refused(call)
        await node.delete(LEASES, scene.node, "kube-node-lease")

    play(body)


def test_its_pods(play: Play) -> None:
    async def body(scene: Scene) -> None:
        node = await scene.make_node()
        mine = await scene.make_pod("mine")
        await scene.make_pod("theirs", nodeName=None, bound=False)
        own = f"spec.nodeName={scene.node}"
        page = await node.list(PODS, Selection(fields=own))
        assert [pod["metadata"]["name"] for pod in page["items"]] == ["mine"]
        await node.get(PODS, "mine", scene.namespace)
        for call in (
            lambda: node.list(PODS),
            lambda: node.list(PODS, Selection(fields="spec.nodeName=other")),
            lambda: node.get(PODS, "theirs", scene.namespace),
            lambda: node.patch(
                PODS, "theirs", {"status": {"phase": "Failed"}}, scene.namespace, subresource="status"
            ),
            lambda: node.patch(PODS, "mine", {"metadata": {"labels": {"a": "b"}}}, scene.namespace),
            lambda: node.patch(
                PODS, "mine", {"metadata": {"labels": {"a": "b"}}}, scene.namespace, subresource="status"
            ),
            lambda: node.delete(PODS, "theirs", scene.namespace),
        ):
            await refused(call)
        status = {"metadata": {"uid": mine["metadata"]["uid"]}, "status": {"phase": "Running"}}
        await node.patch(PODS, "mine", status, scene.namespace, subresource="status")
        await node.delete(PODS, "mine", scene.namespace, grace_period_s=0, uid=mine["metadata"]["uid"])
        with pytest.raises(NotFound):
            await scene.admin.get(PODS, "mine", scene.namespace)

    play(body)


async def _comes(node: KubeClient, call: Any) -> object:
    """What is allowed by relations of objects is so after the authorizer has seen them."""
    for _ in range(1000):
        try:
            return await call()
        except Forbidden as error:
            last = error
    raise last


def test_what_its_pods_name(play: Play) -> None:
    async def body(scene: Scene) -> None:
        node = await scene.make_node()
        for resource, name in ((SECRETS, "s"), (SECRETS, "other"), (CONFIG_MAPS, "c")):
            await scene.admin.create(resource, {"metadata": {"name": name, "namespace": scene.namespace}})
        reference = {"name": "E", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}}
        container = {"name": "c", "image": "i", "env": [reference]}
        volumes = [{"name": "v", "configMap": {"name": "c"}}]
        await scene.make_pod(containers=[container], volumes=volumes)
        await _comes(node, lambda: node.get(SECRETS, "s", scene.namespace))
        await _comes(node, lambda: node.get(CONFIG_MAPS, "kube-root-ca.crt", scene.namespace))
        page = await node.list(CONFIG_MAPS, Selection(scene.namespace, fields="metadata.name=c"))
        version = page["metadata"]["resourceVersion"]
        async with node.watch(
            CONFIG_MAPS, Selection(scene.namespace, "metadata.name=c"), resource_version=version, timeout_s=60
        ) as events:
            await scene.admin.patch(CONFIG_MAPS, "c", {"data": {"k": "v"}}, scene.namespace)
            assert (await anext(events))[0] == "MODIFIED"
        for call in (
            lambda: node.get(SECRETS, "other", scene.namespace),
            lambda: node.list(SECRETS, Selection(scene.namespace)),
            lambda: node.list(CONFIG_MAPS),
            lambda: node.patch(SECRETS, "s", {"data": {}}, scene.namespace),
        ):
            await refused(call)

    play(body)


def test_tokens_for_its_pods(play: Play) -> None:
    async def body(scene: Scene) -> None:
        node = await scene.make_node()
        pod = await scene.make_pod()

        async def ask(account: str = "default", **bound: str) -> Object:
            reference = {"kind": "Pod", "apiVersion": "v1", **bound}
            spec: Object = {"expirationSeconds": 3607, **({"boundObjectRef": reference} if bound else {})}
            request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
            return await node.create_subresource(SERVICE_ACCOUNTS, account, "token", request, scene.namespace)

        uid = pod["metadata"]["uid"]
        answer = await _comes(node, lambda: ask(name="a", uid=uid))
        assert isinstance(answer, dict)
        assert answer["status"]["token"].count(".") == 2
        assert answer["status"]["expirationTimestamp"].endswith("Z")
        for bound in ({}, {"name": "a"}, {"name": "a", "uid": scene.namespace}):
            with pytest.raises(Forbidden):
                await ask(**bound)
        with pytest.raises(NotFound):
            await ask(name="gone", uid=uid)
        with pytest.raises(Forbidden):
            await ask("other", name="a", uid=uid)

    play(body)


def test_mirror_pods(play: Play) -> None:
    async def body(scene: Scene) -> None:
        node = await scene.make_node()
        found = await node.get(NODES, scene.node)
        owner = {"apiVersion": "v1", "kind": "Node", "name": scene.node, "uid": found["metadata"]["uid"]}

        async def make(name: str, controller: bool = True, **spec: Any) -> Object:
            metadata = {
                "name": name,
                "namespace": scene.namespace,
                "annotations": {MIRROR: "hash", "kubernetes.io/config.source": "file"},
                "ownerReferences": [{**owner, "controller": controller}],
            }
            containers = [{"name": "c", "image": "i"}]
            return await node.create(
                PODS,
                {"metadata": metadata, "spec": {"nodeName": scene.node, "containers": containers, **spec}},
            )

        made = await make("static")
        assert not made["spec"].get("serviceAccountName")
        assert not made["spec"].get("volumes")
        for name, change in {
            "a": {"controller": False},
            "b": {"nodeName": "other"},
            "c": {"serviceAccountName": "default"},
            "d": {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]},
        }.items():
            with pytest.raises(Forbidden):
                await make(name, **change)  # type: ignore[arg-type]
        with pytest.raises(Forbidden, match="annotation"):
            plain = {"nodeName": scene.node, "containers": [{"name": "c", "image": "i"}]}
            await node.create(PODS, {"metadata": {"name": "e", "namespace": scene.namespace}, "spec": plain})
        await node.delete(PODS, "static", scene.namespace, grace_period_s=0)

    play(body)


def test_what_else_it_may(play: Play) -> None:
    async def body(scene: Scene) -> None:
        node = await scene.make_node()
        await node.list(SERVICES)
        event = {
            "metadata": {"name": "e.1", "namespace": "default"},
            "involvedObject": {"kind": "Node", "name": scene.node, "uid": scene.node},
            "reason": "Starting",
            "message": "x",
            "type": "Normal",
            "count": 1,
            "source": {"component": "kubelet", "host": scene.node},
        }
        event["metadata"] = {"generateName": "e-", "namespace": "default"}
        made = await node.create(EVENTS, event)
        name = made["metadata"]["name"]
        counted = await node.patch(EVENTS, name, {"count": 2}, "default", type=PatchType.STRATEGIC)
        assert counted["count"] == 2
        await node.list(CERTIFICATE_SIGNING_REQUESTS)
        for call in (
            lambda: node.list(ENDPOINT_SLICES),
            lambda: node.list(NAMESPACES),
            lambda: node.create(SERVICES, {"metadata": {"name": "s", "namespace": "default"}, "spec": {}}),
            lambda: node.get(CONFIG_MAPS, "extension-apiserver-authentication", "kube-system"),
        ):
            await refused(call)
        with pytest.raises(KubeError):
            await node.get(EVENTS, name, "default")

    play(body)
