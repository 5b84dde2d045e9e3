"""A node's pods and its API, on a runtime and an API server in memory."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.resources import EVENTS, NODES, PODS
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.authority import Authority, Subject
from bronzewillow.testing.apiserver.server import api_server
from bronzewillow.testing.loopback import until
from bronzewillow.testing.ports import free_tcp_port
from kubelet.app import App, AppConfig, configuration
from kubelet.model.thresholds import EvictionSettings
from kubelet.node.health import HealthWatch
from kubelet.pods.shell import ShellConfig

from .conftest import pod, runtime_double

pytestmark = pytest.mark.loopback


def config(folder: Path, cri: Path = Path("/cri.sock"), ca: str = "") -> AppConfig:
    return AppConfig(ShellConfig("mac-1", folder / "kubelet", cri, folder / "door"), free_tcp_port(), ca)


def watch(folder: Path) -> HealthWatch:
    return HealthWatch(EvictionSettings(), folder, lambda: 0, lambda *_: {})


def test_pods_run_and_the_api_shows_them_to_whoever_may(tmp_path: Path) -> None:
    async def main() -> None:
        async with runtime_double() as (double, client), api_server() as server:
            node = server.make(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "mac-1"}})
            node["status"] = {"allocatable": {"pods": "1", "cpu": "1", "memory": "1Gi"}}
            double.add_image("tiny:v1")
            ca = server.authority.ca_pem.decode()
            own = server.authority.issue(
                Subject("mac-1", names=("localhost",), addresses=("127.0.0.1",)), server=True
            )
            admin = server.authority.issue(Subject("kube-apiserver-kubelet-client", ("system:masters",)))
            for name, pair in (("own", own), ("admin", admin)):
                (tmp_path / name).write_bytes(pair.certificate_pem + pair.key_pem)
            async with KubeClient(server.certified("system:node:mac-1", "system:nodes")) as kube:
                app = App(config(tmp_path, client.socket, ca), kube, lambda: node, watch(tmp_path))
                task = spawn(app.run(), name="app")
                app.show(tmp_path / "own")
                app.show(tmp_path / "own")
                app.tell("Normal", "Starting", "Starting kubelet.")
                for name in ("first", "second"):
                    made = pod(name)
                    del made["metadata"]["uid"], made["status"]
                    server.make(PODS, made)
                await until(lambda: bool(app.port) and len(app.shell.shown.all()) == 2)
                await until(
                    lambda: {one["status"]["phase"] for one in app.shell.shown.all()} == {"Running", "Failed"}
                )
                refused = [one for one in app.shell.shown.all() if one["status"]["phase"] == "Failed"]
                assert refused[0]["status"]["reason"] == "OutOfpods"
                await until(lambda: any(one["reason"] == "Starting" for one in server.store.list(EVENTS)))
                trusting = ssl.create_default_context(cadata=ca)
                trusting.load_cert_chain(tmp_path / "admin")
                async with aiohttp.ClientSession(f"https://127.0.0.1:{app.port}") as session:
                    async with session.get("/pods", ssl=trusting) as answer:
                        shown = (await answer.json())["items"]
                        assert {one["metadata"]["name"] for one in shown} == {"first", "second"}
                    async with session.get("/metrics", ssl=trusting) as answer:
                        told = await answer.text()
                        assert 'kubelet_node_name{node="mac-1"} 1.0' in told
                        assert "kubelet_running_pods 1.0" in told
                        assert 'kubelet_running_containers{container_state="running"} 1.0' in told
                        assert "kubelet_pod_start_duration_seconds_count 1.0" in told
                    async with session.get("/metrics/probes", ssl=trusting) as answer:
                        assert "# TYPE prober_probe_total counter" in await answer.text()
                    app.trust(Authority("another").ca_pem.decode())
                    async with aiohttp.ClientSession(f"https://127.0.0.1:{app.port}") as another:
                        with pytest.raises(aiohttp.ClientError):
                            await another.get("/pods", ssl=trusting)
                    app.trust(ca)
                    (tmp_path / "torn").write_bytes((tmp_path / "own").read_bytes()[:300])
                    app.show(tmp_path / "torn")  # and what was shown before is shown
                    stranger = ssl.create_default_context(cadata=ca)
                    async with session.get("/pods", ssl=stranger) as answer:
                        assert answer.status == 401
                task.cancel()
                await asyncio.wait([task])

    run(main())


def test_what_configz_shows(tmp_path: Path) -> None:
    shown = configuration(config(tmp_path), EvictionSettings())
    assert shown["containerRuntimeEndpoint"] == "unix:///cri.sock"
    assert shown["evictionHard"]["memory.available"] == "100Mi"
    assert (shown["containerLogMaxSize"], shown["containerLogMaxFiles"]) == ("10Mi", 5)
