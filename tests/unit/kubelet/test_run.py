from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.resources import CONFIG_MAPS, LEASES, NODES, PODS, Object
from bronzewillow.testing.aio import end
from bronzewillow.testing.joinable import NODE, TOKEN, Joinable, joinable, on_cluster
from bronzewillow.testing.leaping_loop import LeapingLoop, run_leaping
from bronzewillow.testing.loopback import until
from bronzewillow.testing.ports import free_tcp_port
from kubelet.certificates.token import parse_token
from kubelet.clock import SystemClock
from kubelet.membership.errors import MembershipError
from kubelet.membership.home import Home
from kubelet.membership.join import ByToken, join
from kubelet.membership.presence import Presence
from kubelet.node.registration import LEASE_NAMESPACE
from kubelet.run import RunOptions, run_kubelet
from runtime.api import cri_pb2 as api

from .conftest import pod, runtime_double

pytestmark = pytest.mark.loopback


def test_a_node_whose_certificate_is_gone_is_told_to_join_again(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        home = Home(tmp_path)
        how = ByToken(cluster.server.cluster.server, parse_token(TOKEN), ())
        await join(how, NODE, home, SystemClock(), lambda line: None)
        home.client_pairs.forget()
        with pytest.raises(MembershipError, match=r"client-current\.pem.*`bronzewillow join`"):
            await run_kubelet(RunOptions(home, tmp_path / "none"))

    on_cluster(body)


def test_a_process_is_the_node_until_it_is_ended(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        home = Home(tmp_path)
        how = ByToken(cluster.server.cluster.server, parse_token(TOKEN), ())
        await join(how, NODE, home, SystemClock(), lambda line: None)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kubelet", "run", "--home", str(tmp_path), "--cri", str(tmp_path / "none"),
            "--port", str(free_tcp_port()),
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        try:
            while await process.stderr.readline() != b"ready\n":
                pass
            assert Presence(tmp_path).is_running()
            await until(lambda: cluster.server.store.get(NODES, "", NODE) is not None)
            conditions = (await cluster.admin.get(NODES, NODE))["status"]["conditions"]
            ready = next(one for one in conditions if one["type"] == "Ready")
            assert ready["status"] == "False"
            problems = ready["message"].removeprefix("[").removesuffix("]").split(", ")
            assert [one for one in problems if "network address" not in one] == [  # of a machine offline
                "container runtime is down", "PLEG is not healthy: pleg has yet to be successful",
            ]  # fmt: skip
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        assert not Presence(tmp_path).is_running()
        assert cluster.refused() == []

    on_cluster(body)


@pytest.mark.slow
def test_an_hour_without_an_api_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_leaping(an_hour_away(tmp_path, monkeypatch), 7200)


async def an_hour_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything as `llm-kubelet run` puts it together, on time that leaps."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, LeapingLoop)
    monkeypatch.setattr(SystemClock, "wall", lambda _: loop.wall())
    monkeypatch.setattr(SystemClock, "monotonic", lambda _: loop.monotonic_ns() // 1000)
    monkeypatch.setattr("kubelet.pods.surroundings.time", loop)
    async with joinable(loop.wall) as cluster, runtime_double() as (double, client):
        server, store = cluster.server, cluster.server.store
        home = Home(folder)
        how = ByToken(server.cluster.server, parse_token(TOKEN), ())
        await join(how, NODE, home, SystemClock(), lambda line: None)
        double.add_image("tiny:v1")
        settings = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": "default"},
            "data": {"RUNM_CONTEXT": "512"},
        }
        shown = server.make(CONFIG_MAPS, settings | {"metadata": {"name": "shown", "namespace": "default"}})
        server.make(CONFIG_MAPS, settings)
        served = {"name": "llm", "image": "tiny:v1", "envFrom": [{"configMapRef": {"name": "settings"}}]}
        volumes = [{"name": "shown", "configMap": {"name": "shown"}}]

        def create(name: str) -> Object:
            made = pod(name, containers=[served], volumes=volumes)
            del made["metadata"]["uid"], made["status"]
            return server.make(PODS, made)

        def status(name: str) -> Object:
            found = store.get(PODS, "default", name) or {}
            return dict(found.get("status") or {})

        def restarts(name: str) -> int:
            return int((status(name).get("containerStatuses") or [{}])[0].get("restartCount", -1))

        def newest() -> api.ContainerStatus:
            """Of the pod that stays."""
            name = "io.kubernetes.pod.name"
            found = [one for one in double.containers.values() if one.labels[name] == "stays"]
            return max(found, key=lambda one: one.metadata.attempt)

        options = RunOptions(
            home, client.socket, port=free_tcp_port(), address="127.0.0.1", door=folder / "door",
            measure=lambda *_: {},
        )  # fmt: skip
        kubelet = spawn(run_kubelet(options), name="llm-kubelet")
        uid = create("stays")["metadata"]["uid"]
        create("goes")
        await holds(lambda: status("stays").get("phase") == status("goes").get("phase") == "Running")
        below = folder / "pods" / uid / "volumes"
        (token,) = below.glob("kubernetes.io~projected/*/token")
        first_token = token.read_text()
        lease_before = store.get(LEASES, LEASE_NAMESPACE, NODE)
        assert lease_before is not None

        await server.stop()
        for attempt in range(3):  # each 18 minutes a container ends, and starts as the ConfigMap was
            await asyncio.sleep(1080)
            double.exit(newest().id)
            await holds(lambda: newest().state == api.ContainerState.CONTAINER_RUNNING)
            assert newest().metadata.attempt == attempt + 1
            env = {one.key: one.value for one in double.container_configs[newest().id].envs}
            assert env["RUNM_CONTEXT"] == b"512"
        await asyncio.sleep(300)
        assert token.read_text() == first_token  # it was due, and nobody could renew it
        store.put(CONFIG_MAPS, {**shown, "data": {"RUNM_CONTEXT": "1024"}})
        gone = store.get(PODS, "default", "goes")
        assert gone is not None
        ending = {"deletionTimestamp": f"{loop.wall():%FT%TZ}", "deletionGracePeriodSeconds": 5}
        store.put(PODS, {**gone, "metadata": {**gone["metadata"], **ending}})
        create("comes")
        store.compact()  # nothing can go on from where it was
        asked = len(server.audit)
        await server.start()

        back = loop.time()
        await holds(lambda: store.get(LEASES, LEASE_NAMESPACE, NODE) != lease_before)
        assert loop.time() - back < 15
        await holds(lambda: restarts("stays") == 3 and status("stays").get("phase") == "Running")
        await holds(lambda: store.get(PODS, "default", "goes") is None)
        await holds(lambda: status("comes").get("phase") == "Running")
        assert loop.time() - back < 30
        await holds(lambda: token.read_text() != first_token)
        (setting,) = below.glob("kubernetes.io~configmap/shown/RUNM_CONTEXT")
        await holds(lambda: setting.read_text() == "1024")
        assert loop.time() - back < 120
        lists = [path for _, verb, path, _ in server.audit[asked:] if verb == "list" and "/pods?" in path]
        assert lists
        assert cluster.refused() == []
        assert not kubelet.done()
        await end(kubelet)


async def holds(what: Callable[[], bool]) -> None:
    """Looked at each second of the loop's time."""
    async with asyncio.timeout(300):
        while not what():  # noqa: ASYNC110 - what others do is seen only so
            await asyncio.sleep(1)
