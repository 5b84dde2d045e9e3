"""Pods: what they become, who may change what, and how they end."""

from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.kube.client import Selection
from bronzewillow.kube.errors import Conflict, Forbidden, Invalid, NotFound, TooManyRequests
from bronzewillow.kube.resources import PODS, SERVICE_ACCOUNTS, Object
from bronzewillow.testing.apiserver.kinds import POD_DISRUPTION_BUDGETS

from .conftest import Play
from .scene import Scene, condition

pytestmark = pytest.mark.loopback


async def get(scene: Scene, name: str = "a") -> Object:
    return await scene.admin.get(PODS, name, scene.namespace)


async def set_status(scene: Scene, status: Object, name: str = "a", **metadata: Any) -> Object:
    patch = {"metadata": metadata, "status": status}
    return await scene.admin.patch(PODS, name, patch, scene.namespace, subresource="status")


async def delete(scene: Scene, name: str = "a", **options: Any) -> Object:
    return await scene.admin.delete(PODS, name, scene.namespace, **options)


def test_what_is_filled_in(play: Play) -> None:
    async def body(scene: Scene) -> None:
        probe = {"httpGet": {"port": 8080}}
        container = {
            "name": "c",
            "image": "example/llm",
            "ports": [{"containerPort": 8080}],
            "readinessProbe": probe,
            "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
        }
        volumes = [{"name": "v"}, {"name": "s", "secret": {"secretName": "x"}}]
        made = await scene.make_pod(containers=[container], volumes=volumes)
        spec, metadata = made["spec"], made["metadata"]
        assert metadata["generation"] == 1
        volume = spec["volumes"][-1]
        assert volume["name"].startswith("kube-api-access-")
        del volume["projected"]["sources"][3:]  # distributions have more
        expected = {
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "default",
            "serviceAccount": "default",
            "nodeName": scene.node,
            "securityContext": {},
            "schedulerName": "default-scheduler",
            "tolerations": [
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
                for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
            ],
            "priority": 0,
            "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority",
            "volumes": [
                {"name": "v", "emptyDir": {}},
                {"name": "s", "secret": {"secretName": "x", "defaultMode": 420}},
                {
                    "name": volume["name"],
                    "projected": {
                        "defaultMode": 420,
                        "sources": [
                            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                            {
                                "configMap": {
                                    "name": "kube-root-ca.crt",
                                    "items": [{"key": "ca.crt", "path": "ca.crt"}],
                                }
                            },
                            {
                                "downwardAPI": {
                                    "items": [
                                        {
                                            "path": "namespace",
                                            "fieldRef": {
                                                "apiVersion": "v1",
                                                "fieldPath": "metadata.namespace",
                                            },
                                        }
                                    ]
                                }
                            },
                        ],
                    },
                },
            ],
            "containers": [
                {
                    "name": "c",
                    "image": "example/llm",
                    "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                    "resources": {
                        "limits": {"cpu": "1", "memory": "1Gi"},
                        "requests": {"cpu": "1", "memory": "1Gi"},
                    },
                    "volumeMounts": [
                        {
                            "name": volume["name"],
                            "readOnly": True,
                            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
                        }
                    ],
                    "readinessProbe": {
                        "httpGet": {"path": "/", "port": 8080, "scheme": "HTTP"},
                        "timeoutSeconds": 1,
                        "periodSeconds": 10,
                        "successThreshold": 1,
                        "failureThreshold": 3,
                    },
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                    "imagePullPolicy": "Always",
                }
            ],
        }
        assert spec == expected
        assert made["status"] == {"phase": "Pending", "qosClass": "Guaranteed"}

    play(body)


def test_what_is_no_pod(play: Play) -> None:
    async def body(scene: Scene) -> None:
        with pytest.raises(Invalid, match=r'Pod "a" is invalid: spec.containers: Required value'):
            await scene.make_pod(containers=[])
        with pytest.raises(Invalid, match=r"spec.containers\[0\].image: Required value"):
            await scene.make_pod(containers=[{"name": "c"}])
        with pytest.raises(Forbidden, match=r'error looking up service account .*"gone" not found'):
            await scene.make_pod(serviceAccountName="gone")

    play(body)


def test_status_by_strategic_merge(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.make_pod()
        ours = [condition("Ready", "False"), condition("example.dev/Foreign", "True")]
        statuses = [
            {"name": name, "image": "i", "imageID": "", "ready": False, "restartCount": 0} for name in "cd"
        ]
        await set_status(
            scene, {"conditions": ours, "containerStatuses": statuses, "podIPs": [{"ip": "10.0.0.1"}]}
        )
        change = {
            "conditions": [condition("Ready", "True")],
            "containerStatuses": statuses[:1],
            "phase": "Running",
        }
        found = (await set_status(scene, change))["status"]
        kinds = {c["type"]: c["status"] for c in found["conditions"]}
        assert kinds["Ready"] == kinds["example.dev/Foreign"] == "True"
        assert [status["name"] for status in found["containerStatuses"]] == ["c"]
        assert found["podIPs"] == [{"ip": "10.0.0.1"}]
        assert (found["phase"], found["qosClass"]) == ("Running", "BestEffort")

    play(body)


def test_status_and_the_rest_are_apart(play: Play) -> None:
    async def body(scene: Scene) -> None:
        made = await scene.make_pod()
        patch = {"status": {"phase": "Failed"}, "metadata": {"annotations": {"a": "b"}}}
        answer = await scene.admin.patch(PODS, "a", patch, scene.namespace)
        assert (answer["status"]["phase"], answer["metadata"]["annotations"]) == ("Pending", {"a": "b"})
        changed = await scene.admin.patch(
            PODS,
            "a",
            {"spec": {"nodeName": "other"}, "status": {"reason": "x"}},
            scene.namespace,
            subresource="status",
        )
        assert (changed["spec"]["nodeName"], changed["status"]["reason"]) == (scene.node, "x")
        assert changed["metadata"]["generation"] == made["metadata"]["generation"]

    play(body)


def test_a_namesake_is_not_written_to(play: Play) -> None:
    async def body(scene: Scene) -> None:
        first = await scene.make_pod()
        await delete(scene, grace_period_s=0)
        second = await scene.make_pod()
        assert second["metadata"]["uid"] != first["metadata"]["uid"]
        uid = first["metadata"]["uid"]
        with pytest.raises(Invalid, match=r"metadata.uid: Invalid value: .*: field is immutable"):
            await set_status(scene, {"phase": "Running"}, uid=uid)
        with pytest.raises(Conflict, match="Precondition failed: UID in precondition"):
            await scene.admin.replace(PODS, {**first, "status": {}}, "status")
        with pytest.raises(Conflict, match="the UID in the precondition"):
            await delete(scene, grace_period_s=0, uid=uid)
        with pytest.raises(NotFound):
            await set_status(scene, {"phase": "Running"}, "b", uid=uid)
        assert (await get(scene))["status"]["phase"] == "Pending"

    play(body)


def test_a_status_of_version_zero_overwrites(play: Play) -> None:
    async def body(scene: Scene) -> None:
        made = await scene.make_pod()
        made["metadata"]["resourceVersion"] = "0"
        made["status"] |= {"phase": "Running"}
        found = await scene.admin.replace(PODS, made, "status")
        assert found["status"]["phase"] == "Running"

    play(body)


def test_most_of_a_pod_does_not_change(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.make_pod()
        with pytest.raises(Invalid, match="pod updates may not change fields other than"):
            await scene.admin.patch(PODS, "a", {"spec": {"restartPolicy": "Never"}}, scene.namespace)
        image = {"spec": {"containers": [{"name": "c", "image": "other:v2"}]}}
        changed = await scene.admin.patch(PODS, "a", image, scene.namespace)
        assert changed["metadata"]["generation"] == 2

    play(body)


def test_a_graceful_end(play: Play) -> None:
    async def body(scene: Scene) -> None:
        made = await scene.make_pod()
        marked = await delete(scene)
        assert marked["kind"] == "Pod"
        assert marked["metadata"]["deletionGracePeriodSeconds"] == 30
        assert marked["metadata"]["deletionTimestamp"] > made["metadata"]["creationTimestamp"]
        assert marked["metadata"]["generation"] == 2
        again = await delete(scene)
        assert again["metadata"]["resourceVersion"] == marked["metadata"]["resourceVersion"]
        longer = await delete(scene, grace_period_s=90)
        assert longer["metadata"]["deletionGracePeriodSeconds"] == 30
        shorter = await delete(scene, grace_period_s=5)
        assert shorter["metadata"]["deletionGracePeriodSeconds"] == 5
        assert shorter["metadata"]["deletionTimestamp"] < marked["metadata"]["deletionTimestamp"]
        gone = await delete(scene, grace_period_s=0, uid=made["metadata"]["uid"])
        assert gone["metadata"]["uid"] == made["metadata"]["uid"]
        with pytest.raises(NotFound):
            await get(scene)

    play(body)


def test_who_goes_at_once(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.make_pod("unbound", bound=False)
        await delete(scene, "unbound")
        for phase in ("Succeeded", "Failed"):
            await scene.make_pod("done")
            await set_status(scene, {"phase": phase}, "done")
            await delete(scene, "done")
        await scene.make_pod("forced")
        await delete(scene, "forced", grace_period_s=0)
        assert (await scene.admin.list(PODS, Selection(scene.namespace)))["items"] == []

    play(body)


def test_binding(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.make_pod(bound=False)
        target = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": "a"},
            "target": {"name": scene.node},
        }
        await scene.admin.create_subresource(PODS, "a", "binding", target, scene.namespace)
        found = await get(scene)
        assert found["spec"]["nodeName"] == scene.node
        scheduled = next(c for c in found["status"]["conditions"] if c["type"] == "PodScheduled")
        assert scheduled["status"] == "True"
        with pytest.raises(Conflict, match="is already assigned to node"):
            await scene.admin.create_subresource(PODS, "a", "binding", target, scene.namespace)

    play(body)


def test_eviction(play: Play) -> None:
    async def body(scene: Scene) -> None:
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": "a", "namespace": scene.namespace},
            "deleteOptions": {"gracePeriodSeconds": 7},
        }
        await scene.make_pod()
        await set_status(scene, {"phase": "Running", "conditions": [condition("Ready", "True")]})
        spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "llm"}}}
        budget = {"metadata": {"name": "b", "namespace": scene.namespace}, "spec": spec}
        await scene.admin.create(POD_DISRUPTION_BUDGETS, budget)
        with pytest.raises(TooManyRequests, match="disruption budget"):
            await scene.admin.create_subresource(PODS, "a", "eviction", eviction, scene.namespace)
        await scene.admin.delete(POD_DISRUPTION_BUDGETS, "b", scene.namespace)
        answer = await scene.admin.create_subresource(PODS, "a", "eviction", eviction, scene.namespace)
        assert answer["status"] == "Success"
        assert (await get(scene))["metadata"]["deletionGracePeriodSeconds"] == 7

    play(body)


def test_pull_secrets_come_from_the_account(play: Play) -> None:
    async def body(scene: Scene) -> None:
        account = {
            "metadata": {"name": "s", "namespace": scene.namespace},
            "imagePullSecrets": [{"name": "p"}],
        }
        await scene.admin.create(SERVICE_ACCOUNTS, account)
        made = await scene.make_pod(serviceAccountName="s", automountServiceAccountToken=False)
        assert made["spec"]["imagePullSecrets"] == [{"name": "p"}]
        assert not made["spec"].get("volumes")

    play(body)


def test_field_selectors(play: Play) -> None:
    async def body(scene: Scene) -> None:
        await scene.make_pod("a")
        await scene.make_pod("b", bound=False)
        await set_status(scene, {"phase": "Running"})

        async def names(fields: str) -> list[str]:
            page = await scene.admin.list(PODS, Selection(scene.namespace, fields))
            return [item["metadata"]["name"] for item in page["items"]]

        assert await names(f"spec.nodeName={scene.node}") == ["a"]
        assert await names("spec.nodeName=") == ["b"]
        assert await names("status.phase!=Running,spec.restartPolicy=Always") == ["b"]

    play(body)
