"""Pods of an API server on a whole node: they run, serve, change and end as anywhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from bronzewillow.kube.resources import PODS, Object
from bronzewillow.testing.node_processes import NodeProcesses

from .conftest import HOST_IP, READINESS, STORY_S, Cluster, cluster, first, is_ready, pod

pytestmark = pytest.mark.e2e
PROBES = {
    "readinessProbe": READINESS,
    "livenessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1, "timeoutSeconds": 10},
}


def running(processes: NodeProcesses, story: Callable[[Cluster], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(STORY_S), cluster(processes) as found:
            await story(found)

    asyncio.run(main())


def test_a_pod_runs_serves_and_ends(processes: NodeProcesses) -> None:
    async def story(found: Cluster) -> None:
        async with found.shell():
            await found.admin.create(PODS, pod(container=PROBES))
            ready = await found.until("tiny", is_ready)
            assert ready["status"]["phase"] == "Running"
            assert ready["status"]["hostIP"] == HOST_IP
            assert ready["status"]["podIP"].startswith("10.244.7.")
            assert ready["status"]["qosClass"] == "BestEffort"
            one = first(ready)
            assert (one["ready"], one["started"], one["restartCount"]) == (True, True, 0)
            assert one["containerID"].startswith("runm://")
            await found.admin.delete(PODS, "tiny", "default")
            await found.until_gone("tiny")
            await found.until_told("Started: Started container llm", "Killing: Stopping container llm")
        refused = [entry for entry in found.server.audit if entry[3] in (401, 403)]
        assert refused == []  # a node identity may do all that it did

    running(processes, story)


def test_what_it_is_told_and_what_it_mounts(processes: NodeProcesses) -> None:
    async def story(found: Cluster) -> None:
        async with found.shell():
            one = pod(
                container={
                    "args": ["--engine", "echo", "--api-key-file", "/etc/keys/key"],
                    "env": [
                        {"name": "RUNM_ALIAS", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
                    ],
                    "envFrom": [{"configMapRef": {"name": "settings"}}],
                    "volumeMounts": [{"name": "keys", "mountPath": "/etc/keys"}],
                },
                volumes=[{"name": "keys", "secret": {"secretName": "keys"}}],
            )
            await found.admin.create(PODS, one)
            await found.until("tiny", lambda _: any("FailedMount" in one for one in found.told()))
            await found.make_secret("keys", {"key": "abc"})
            waiting = await found.until("tiny", lambda pod: "ConfigError" in str(first(pod)))
            assert first(waiting)["state"]["waiting"] == {
                "reason": "CreateContainerConfigError",
                "message": 'configmap "settings" not found',
            }
            await found.make_config_map("settings", {"RUNM_CONTEXT": "512"})
            await found.until("tiny", is_ready)
            await found.admin.delete(PODS, "tiny", "default")
            await found.until_gone("tiny")
            assert not list((found.config.root / "pods").glob("*"))

    running(processes, story)


def test_a_container_that_fails_waits_longer_each_time(processes: NodeProcesses) -> None:
    async def story(found: Cluster) -> None:
        async with found.shell():
            await found.admin.create(PODS, pod(container={"args": ["--engine", "nonsense"]}))
            failed = await found.until("tiny", lambda pod: "CrashLoopBackOff" in str(first(pod)))
            one = first(failed)
            uid = failed["metadata"]["uid"]
            assert one["restartCount"] == 1
            assert one["state"]["waiting"]["message"] == (
                f"back-off 10s restarting failed container=llm pod=tiny_default({uid})"
            )
            assert one["lastState"]["terminated"]["exitCode"] == 2
            assert one["lastState"]["terminated"]["reason"] == "Error"
            assert failed["status"]["phase"] == "Running"
            await found.admin.delete(PODS, "tiny", "default")
            await found.until_gone("tiny")

    running(processes, story)


def test_images_that_cannot_be(processes: NodeProcesses) -> None:
    async def story(found: Cluster) -> None:
        async with found.shell():
            await found.admin.create(PODS, pod("away", container={"image": "absent"}))
            await found.admin.create(PODS, pod("odd", container={"image": "A b"}))
            await found.admin.create(
                PODS, pod("never", container={"image": "no", "imagePullPolicy": "Never"})
            )
            await found.until("odd", lambda pod: _reason(pod) == "InvalidImageName")
            never = await found.until("never", lambda pod: _reason(pod) == "ErrImageNeverPull")
            assert "is not present with pull policy of Never" in first(never)["state"]["waiting"]["message"]
            await found.until("away", lambda pod: _reason(pod) in ("ErrImagePull", "ImagePullBackOff"))
            for name in ("away", "odd", "never"):
                await found.admin.delete(PODS, name, "default")
                await found.until_gone(name)

    running(processes, story)


def test_a_pod_that_ends_by_itself(processes: NodeProcesses) -> None:
    async def story(found: Cluster) -> None:
        async with found.shell():
            one = pod(container={"args": ["--engine", "nonsense"]}, restartPolicy="Never")
            await found.admin.create(PODS, one)
            failed = await found.until("tiny", lambda pod: pod["status"]["phase"] == "Failed")
            ended = first(failed)["state"]["terminated"]
            assert (ended["exitCode"], ended["reason"]) == (2, "Error")
            assert "nonsense" in ended["message"]
            await found.admin.delete(PODS, "tiny", "default")
            await found.until_gone("tiny")

    running(processes, story)


def test_a_liveness_probe_has_it_restarted(processes: NodeProcesses) -> None:
    async def story(found: Cluster) -> None:
        async with found.shell():
            probe = {
                "tcpSocket": {"port": 9},
                "periodSeconds": 1,
                "failureThreshold": 1,
                "initialDelaySeconds": 1,
            }
            await found.admin.create(PODS, pod(container={"livenessProbe": probe}))
            await found.until("tiny", lambda pod: bool(first(pod).get("restartCount")))
            await found.until_told("Killing: Container llm failed liveness probe, will be restarted")
            await found.admin.delete(PODS, "tiny", "default", grace_period_s=0)
            await found.until_gone("tiny")
            await found.until_nothing_runs()

    running(processes, story)


def test_hooks_are_asked_over_the_pods_network(processes: NodeProcesses) -> None:
    async def story(found: Cluster) -> None:
        async with found.shell():
            hook = {"httpGet": {"path": "/health", "port": "http"}}
            await found.admin.create(PODS, pod(container={"lifecycle": {"preStop": hook}, **PROBES}))
            await found.until("tiny", is_ready)
            await found.admin.delete(PODS, "tiny", "default")
            await found.until_gone("tiny")
            assert not [one for one in found.told() if "FailedPreStopHook" in one]

    running(processes, story)


def test_static_pods_have_mirrors(processes: NodeProcesses) -> None:
    async def story(found: Cluster) -> None:
        assert found.config.static_pods is not None
        found.config.static_pods.mkdir(exist_ok=True)
        file = found.config.static_pods / "web.json"
        file.write_text(json.dumps(pod("web", container=PROBES)))
        async with found.shell() as shell:
            ready = await found.until("web-mac-1", is_ready)
            assert ready["metadata"]["annotations"]["kubernetes.io/config.source"] == "file"
            await found.admin.delete(PODS, "web-mac-1", "default", grace_period_s=0)
            again = await found.until("web-mac-1", is_ready)
            assert again["metadata"]["uid"] != ready["metadata"]["uid"]
            assert first(again)["containerID"] == first(ready)["containerID"]  # it ran on
            file.unlink()
            await shell._read_static()
            await found.until_gone("web-mac-1")
            await found.until_nothing_runs()

    running(processes, story)


def _reason(found: Object) -> str:
    return str(first(found).get("state", {}).get("waiting", {}).get("reason", ""))
