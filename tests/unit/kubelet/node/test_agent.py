from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.resources import LEASES, NODES, uid_of
from bronzewillow.testing.aio import end
from bronzewillow.testing.joinable import NODE, Joinable, on_cluster
from bronzewillow.testing.loopback import until
from kubelet.certificates import signing
from kubelet.certificates.pairs import PairFolder
from kubelet.certificates.serving import ServingFolders
from kubelet.model.node_facts import NodeSettings
from kubelet.model.pressure import Observation, Observations
from kubelet.model.thresholds import EvictionSettings, Signal
from kubelet.node import agent as module
from kubelet.node.agent import AgentParts, NodeAgent
from kubelet.node.health import HealthWatch
from kubelet.node.power import PowerAssertion
from kubelet.node.registration import LEASE_NAMESPACE
from kubelet.node.runtime_status import RuntimeWatch
from kubelet.provider.readiness import Readiness
from kubelet.testing.manual_clock import ManualClock
from runtime.api import cri_pb2 as api

pytestmark = pytest.mark.loopback


class Runtime:
    """A runtime that is well, or whose network is not."""

    def __init__(self) -> None:
        self.is_network_ready = True
        self.pods = 0
        self.hears = True
        self.listed_at: int | None = 0

    async def version(self) -> api.VersionResponse:
        return api.VersionResponse(runtime_name="runm", runtime_version="0.1.0")

    async def status(self) -> api.StatusResponse:
        network = api.RuntimeCondition(
            type="NetworkReady", status=self.is_network_ready, reason="NoAgent", message="none runs"
        )
        ready = api.RuntimeCondition(type="RuntimeReady", status=True)
        return api.StatusResponse(status=api.RuntimeStatus(conditions=[ready, network]))

    async def images(self) -> list[api.Image]:
        return [api.Image(repo_tags=["tinyllama:v1"], size=5)]

    async def sandboxes(self) -> list[api.PodSandbox]:
        return [api.PodSandbox(state=api.PodSandboxState.SANDBOX_READY)] * self.pods


class Power(PowerAssertion):
    """Only remembers."""

    def __init__(self) -> None:
        super().__init__("none")
        self.held = False

    def hold(self) -> None:
        self.held = True

    def release(self) -> None:
        self.held = False


class Rig:
    def __init__(self, cluster: Joinable, folder: Path, address: str = "192.0.2.7") -> None:
        self.cluster, self.clock, self.runtime = cluster, ManualClock(), Runtime()
        self.events: list[tuple[str, str, str]] = []
        self.pairs: list[Path] = []
        self.power = Power()
        self.seen: Observations = {}
        self.health = HealthWatch(EvictionSettings(), folder, self.clock.monotonic, lambda *_: self.seen)
        runtime = RuntimeWatch(self.runtime, Readiness(self.runtime, self.runtime), self.clock.monotonic)
        access = cluster.server.certified(f"system:node:{NODE}", "system:nodes")
        self.client = KubeClient(access)
        parts = AgentParts(
            self.client, NodeSettings(NODE, port=10666), runtime, self.health, folder,
            PairFolder(folder, "client"),
            ServingFolders(PairFolder(folder, "serving"), PairFolder(folder, "self-signed")),
            self.power, self.clock, Random(1), address,
        )  # fmt: skip
        self.agent = NodeAgent(parts, access, self.pairs.append, lambda *event: self.events.append(event))

    async def ready(self) -> tuple[str, str]:
        node = await self.cluster.admin.get(NODES, NODE)
        found = next(one for one in node["status"]["conditions"] if one["type"] == "Ready")
        return found["status"], found["message"]

    @property
    def has_lease(self) -> bool:
        return self.agent.lease._lease is not None

    def told(self, reason: str) -> int:
        return sum(event[1] == reason for event in self.events)


def test_a_node_is_ready_with_its_lease_and_its_certificates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "_UNASKED_S", 0.0)

    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        async with rig.client:
            running = spawn(rig.agent.run(), name="agent")
            await until(lambda: rig.told("NodeReady") == 1 and rig.has_lease)
            assert await rig.ready() == ("True", "kubelet is posting ready status")
            assert rig.pairs[:1] == [tmp_path / "self-signed-current.pem"]  # who is Ready has a port
            node = await cluster.admin.get(NODES, NODE)
            lease = await cluster.admin.get(LEASES, NODE, LEASE_NAMESPACE)
            assert lease["metadata"]["ownerReferences"][0]["uid"] == uid_of(node)
            assert node["status"]["images"] == [{"names": ["tinyllama:v1"], "sizeBytes": 5}]
            assert node["status"]["addresses"][0] == {"type": "InternalIP", "address": "192.0.2.7"}
            assert "not-ready" not in str(node["spec"]["taints"])
            assert rig.agent.node["metadata"]["uid"] == uid_of(node)
            await until(lambda: rig.told("ServingCertificatePending") == 1)
            (message,) = [event[2] for event in rig.events if event[1] == "ServingCertificatePending"]
            assert message.startswith("port 10666 shows a certificate of its own")
            await until(lambda: (tmp_path / "client-current.pem").exists())
            await until(lambda: rig.agent.pod_cidr != "")
            await end(running)
        assert cluster.refused() == []

    on_cluster(body)


def test_what_goes_wrong_and_right_again_is_seen_and_told(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        async with rig.client:
            running = spawn(rig.agent.run(), name="agent")
            await until(lambda: rig.told("NodeReady") == 1)
            rig.runtime.is_network_ready = False
            rig.agent.changed()
            await until(lambda: rig.told("NodeNotReady") == 1)
            await rig.agent.reporter.report()
            status, message = await rig.ready()
            assert status == "False"
            assert message.endswith("NetworkReady=false reason:NoAgent message:none runs")
            rig.runtime.is_network_ready = True
            rig.agent.changed()
            await until(lambda: rig.told("NodeReady") == 2)
            rig.runtime.hears, rig.runtime.listed_at = False, rig.clock.monotonic() - 188_000_000
            await rig.agent.reporter.report()
            assert await rig.ready() == (
                "False",
                "PLEG is not healthy: pleg was last seen active 3m8s ago; threshold is 3m0s",
            )
            await end(running)

    on_cluster(body)


def test_pressure_is_a_condition_for_five_minutes_more(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)

        async def memory_pressure() -> tuple[str, str]:
            await rig.agent.reporter.report()
            node = await cluster.admin.get(NODES, NODE)
            found = next(one for one in node["status"]["conditions"] if one["type"] == "MemoryPressure")
            return found["status"], found["reason"]

        async with rig.client:
            running = spawn(rig.agent.run(), name="agent")
            await until(lambda: rig.told("NodeReady") == 1)
            rig.seen = {Signal.MEMORY: Observation(99 << 20, 8 << 30)}
            assert await memory_pressure() == ("True", "KubeletHasInsufficientMemory")
            rig.seen = {}
            rig.clock.advance(299)
            assert await memory_pressure() == ("True", "KubeletHasInsufficientMemory")
            rig.clock.advance(1)
            assert await memory_pressure() == ("False", "KubeletHasSufficientMemory")
            assert rig.told("NodeHasInsufficientMemory") == rig.told("NodeHasSufficientMemory") == 1
            await end(running)

    on_cluster(body)


def test_a_change_is_told_once_though_the_api_server_does_not_hear_of_it(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        async with rig.client:
            await rig.agent.reporter.report()
            await cluster.server.stop()
            rig.runtime.is_network_ready = False
            for _ in range(3):
                assert not await rig.agent.reporter.report()
            assert rig.told("NodeNotReady") == 1
            await cluster.server.start()
            assert await rig.agent.reporter.report()
            assert rig.told("NodeNotReady") == 1
            assert (await rig.ready())[0] == "False"

    on_cluster(body)


def test_the_node_follows_the_machines_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ["192.0.2.7"]
    monkeypatch.setattr(module, "node_addresses", lambda server, families: tuple(addresses))

    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path, address="")
        async with rig.client:
            await rig.agent.reporter.report()
            rig.agent.serving.best()
            addresses[0] = "198.51.100.7"
            await rig.agent.reporter.report()
            node = await cluster.admin.get(NODES, NODE)
            assert node["status"]["addresses"][0] == {"type": "InternalIP", "address": "198.51.100.7"}
            assert rig.pairs == [tmp_path / "self-signed-current.pem"]
            addresses.clear()
            await rig.agent.reporter.report()
            assert await rig.ready() == ("False", "the machine has no network address")

    on_cluster(body)


def test_a_node_of_a_dual_stack_cluster_has_an_address_of_each_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    families: list[set[int]] = []

    def found(server: str, asked: set[int]) -> tuple[str, ...]:
        families.append(asked)
        return ("192.0.2.7",)

    monkeypatch.setattr(module, "node_addresses", found)

    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path, address="")
        async with rig.client:
            await rig.agent.reporter.report()
            cidrs = {"spec": {"podCIDR": "10.244.7.0/24", "podCIDRs": ["10.244.7.0/24", "fd00:7::/64"]}}
            rig.agent.reporter.seen(await cluster.admin.patch(NODES, NODE, cidrs))
            await rig.agent.reporter.report()
            assert (families[0], families[-1]) == (set(), {4, 6})

    on_cluster(body)


def test_addresses_that_are_given_are_those_of_the_node(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path, address="192.0.2.7,2001:db8::7")
        async with rig.client:
            await rig.agent.reporter.report()
            node = await cluster.admin.get(NODES, NODE)
            inner = [one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP"]
            assert inner == ["192.0.2.7", "2001:db8::7"]

    on_cluster(body)


def test_the_machine_is_kept_awake_while_pods_run(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        async with rig.client:
            await rig.agent.reporter.report()
            assert not rig.power.held
            rig.runtime.pods = 1
            await rig.agent.reporter.report()
            assert rig.power.held
            rig.runtime.pods = 0
            await rig.agent.reporter.report()
            assert not rig.power.held

    on_cluster(body)


def test_goodbye_is_heard_before_the_machine_is_away(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        async with rig.client:
            running = spawn(rig.agent.run(), name="agent")
            await until(lambda: rig.told("NodeReady") == 1)
            await rig.agent.say_goodbye("node is shutting down")
            assert await rig.ready() == ("False", "node is shutting down")
            rig.agent.welcome_back()
            await until(lambda: rig.told("NodeReady") == 2)
            await rig.agent.say_goodbye("node is shutting down", for_good=True)
            rig.agent.welcome_back()
            await rig.agent.reporter.report()
            assert await rig.ready() == ("False", "node is shutting down")
            await end(running)

    on_cluster(body)


def test_who_has_slept_returns_over_new_connections_the_lease_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        steps: list[str] = []
        async with rig.client:
            running = spawn(rig.agent.run(), name="agent")
            await until(lambda: rig.told("NodeReady") == 1 and rig.has_lease)
            reconnect = rig.client.reconnect

            async def noted() -> None:
                steps.append("connections")
                await reconnect()

            monkeypatch.setattr(rig.client, "reconnect", noted)
            monkeypatch.setattr(rig.agent.lease, "hurry", lambda: steps.append("Lease"))
            monkeypatch.setattr(rig.agent.reporter, "hurry", lambda: steps.append("status"))
            await until(lambda: rig.clock.sleepers >= 3)
            rig.clock.jump(3600)
            rig.clock.advance(1)
            await until(lambda: "status" in steps)
            assert "connections" in steps[: steps.index("Lease")]
            assert steps.index("Lease") < steps.index("status")
            await end(running)

    on_cluster(body)


def test_goodbye_to_nobody_does_not_hold_up_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LAST_WORD_S", 0.1)

    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        async with rig.client:
            await cluster.server.stop()
            await rig.agent.say_goodbye("node is going to sleep")

    on_cluster(body)


def test_a_node_that_is_deleted_comes_back_with_its_lease(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        async with rig.client:
            running = spawn(rig.agent.run(), name="agent")
            await until(lambda: rig.told("NodeReady") == 1 and rig.has_lease)
            first = rig.agent.node["metadata"]["uid"]
            await cluster.admin.delete(NODES, NODE)
            await until(lambda: rig.told("NodeReady") == 2)
            second = rig.agent.node["metadata"]["uid"]
            assert second != first
            await rig.agent.lease.renew()
            lease = await cluster.admin.get(LEASES, NODE, LEASE_NAMESPACE)
            assert lease["metadata"]["ownerReferences"][0]["uid"] == second
            await end(running)

    on_cluster(body)
