"""Where a destination is reached: a Service's endpoint, a pod, a host, nowhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bronzewillow.agent.addresses import pack_address
from bronzewillow.agent.way import Caller, Ways
from bronzewillow.host.splice import CLIENT, Splice
from bronzewillow.policy.compile import compile_node
from bronzewillow.policy.enforcer import Outcome
from bronzewillow.policy.world import PolicyPod, World
from bronzewillow.services.table import ServiceTable
from bronzewillow.testing.agents import POD_NAME, AgentRig, running_agent
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import listening, until
from bronzewillow.testing.overlay import OTHER_POD, POD

pytestmark = pytest.mark.loopback


def service(name: str, address: str, endpoint: str, port: int, *, ready: bool = True) -> tuple[Any, Any]:
    ports = [{"port": 80}]
    found = {
        "metadata": {"namespace": "default", "name": name},
        "spec": {"clusterIP": address, "clusterIPs": [address], "ports": ports},
    }
    endpoints = {
        "metadata": {"namespace": "default", "labels": {"kubernetes.io/service-name": name}},
        "ports": [{"port": port}],
        "endpoints": [{"addresses": [endpoint], "conditions": {"ready": ready, "serving": ready}}],
    }
    return found, endpoints


def ways(rig: AgentRig, *, hosts: bool = False, services: list[tuple[Any, Any]] | None = None) -> Ways:
    found = Ways(rig.agent.net, "mac-1", allows_hosts=lambda: hosts)
    if services is not None:
        found.services = ServiceTable([one for one, _ in services], [one for _, one in services])
    return found


class Client(asyncio.Transport):
    """The other end of a splice, which is only closed here."""

    was_cut = False

    def close(self) -> None:
        return None

    def abort(self) -> None:
        self.was_cut = True

    def pause_reading(self) -> None:
        return None

    def resume_reading(self) -> None:
        return None

    def is_closing(self) -> bool:
        return True


async def dialled(way: Ways, host: str, port: int, caller: Caller | None = None) -> tuple[int, str]:
    splice = Splice(idle_timeout_s=60)
    splice.sides[CLIENT].connection_made(Client())
    answer = await way.dial(host, port, splice, caller)
    splice.abort()
    return answer


def test_pods_and_what_is_none() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            way = ways(rig)
            assert await dialled(way, POD, 8080) == (200, "")
            assert await dialled(way, POD, 81) == (502, "connection refused")
            assert await dialled(way, OTHER_POD, 80) == (502, "no route to host")
            assert await dialled(way, "192.0.2.77", 80) == (502, "no route to host")
            await until(lambda: not rig.agent.net.open_connections)

    run(main())


@pytest.mark.parametrize("host", ["a..b", ".", "x" * 64 + ".example"])
def test_what_can_be_no_name_is_no_host(host: str) -> None:
    async def main() -> None:
        async with running_agent() as rig:
            assert await dialled(ways(rig, hosts=True), host, 80) == (502, "no such host")

    run(main())


def test_the_node_hears_what_it_says_to_itself() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            assert await dialled(ways(rig), "10.244.7.1", 9) == (502, "connection refused")

    run(main())


def test_a_service_by_address_and_name() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            services = [
                service("llm", "10.96.0.7", POD, 8080),
                service("gone", "10.96.0.8", POD, 8080, ready=False),
            ]
            way = ways(rig, services=services)
            for host in ("10.96.0.7", "llm.default", "llm.default.svc.cluster.local"):
                assert await dialled(way, host, 80) == (200, "")
            for host in ("10.96.0.7", "llm.default"):
                assert await dialled(way, host, 81) == (502, "connection refused")
            status, reason = await dialled(way, "gone.default", 80)
            assert (status, reason) == (503, "Service default/gone has no endpoint that is ready")
            assert await dialled(way, "llm.elsewhere", 80) == (502, "no route to host")

    run(main())


def test_hosts_are_dialled_where_that_is_allowed() -> None:
    async def main() -> None:
        async with running_agent() as rig, listening(asyncio.Protocol) as port:
            assert await dialled(ways(rig), "127.0.0.1", port) == (502, "no route to host")
            assert await dialled(ways(rig, hosts=True), "127.0.0.1", port) == (200, "")
            # a Service's endpoint may be on a node's own network
            services = [service("api", "10.96.0.1", "127.0.0.1", port)]
            assert await dialled(ways(rig, services=services), "10.96.0.1", 80) == (200, "")

    run(main())


def test_names_that_lead_elsewhere_and_addresses_that_are_names() -> None:
    alias = {"metadata": {"namespace": "default", "name": "alias"}, "spec": {"type": "ExternalName"}}
    alias["spec"]["externalName"] = "llm.default.svc.cluster.local"
    loop = {"metadata": {"namespace": "default", "name": "loop"}, "spec": {"type": "ExternalName"}}
    loop["spec"]["externalName"] = "loop.default.svc"

    async def main() -> None:
        async with running_agent() as rig:
            way = ways(rig)
            llm, endpoints = service("llm", "10.96.0.7", POD, 8080)
            way.services = ServiceTable([llm, alias, loop], [endpoints])
            for host in ("alias", "alias.default", "llm"):
                assert await dialled(way, host, 80) == (200, "")
            assert await dialled(way, "10-244-7-10.default.pod.cluster.local", 8080) == (200, "")
            status, reason = await dialled(way, "loop.default", 80)
            assert (status, "without end" in reason) == (502, True)

    run(main())


def test_an_external_name_of_the_world_is_what_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    services: list[tuple[Any, Any]] = []
    for name, external in (("api", "api.example.com"), ("home", "localhost"), ("number", "127.0.0.1")):
        found, endpoints = service(name, "", POD, 80)
        found["spec"] = {"type": "ExternalName", "externalName": external}
        services.append((found, endpoints))

    async def main() -> None:
        async with running_agent() as rig:
            asked: list[str] = []

            async def look_up(host: str, port: int, **options: Any) -> list[Any]:
                asked.append(host)
                return [(0, 0, 0, "", ("127.0.0.1" if host == "localhost" else "192.0.2.7", port))]

            async def connect(factory: Any, host: str, port: int) -> None:
                asked.append(host)
                raise ConnectionRefusedError

            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
            monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
            way = ways(rig, hosts=True, services=services)
            assert await dialled(way, "api.default", 443) == (502, "connection refused")
            assert asked == ["api.example.com", "192.0.2.7"]
            # whoever may make Services leads nobody to what only this machine's programs should reach
            for name in ("home.default", "number.default"):
                status, reason = await dialled(way, name, 443)
                assert (status, "loopback" in reason) == (403, True)
            assert asked[2:] == ["localhost"]

    run(main())


def test_full_names_end_with_the_clusters_own_domain() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            way = Ways(rig.agent.net, "mac-1", domain="corp.example")
            llm, endpoints = service("llm", "10.96.0.7", POD, 8080)
            way.services = ServiceTable([llm], [endpoints])
            for host in ("llm.default.svc.corp.example", "llm.default.svc", "10-96-0-7.x.pod.corp.example"):
                assert await dialled(way, host, 80) == (200, "")
            assert await dialled(way, "llm.default.svc.cluster.local", 80) == (502, "no route to host")

    run(main())


# ---- a pod asks

CALLER = Caller(POD_NAME, (pack_address(POD),))
NEIGHBOUR = "10.244.8.1"


def enforce(rig: AgentRig, *egress: Any, isolated: bool = True) -> None:
    """The pod's egress, and what it may reach all the same."""
    pods = (
        PolicyPod("default", "tiny-0", {}, (pack_address(POD),)),
        PolicyPod("default", "peer", {"app": "peer"}, (pack_address(NEIGHBOUR),)),
    )
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": list(egress)}
    policy = {"metadata": {"namespace": "default", "name": "out"}, "spec": spec}
    world = World(pods, {"default": {}}, (policy,) if isolated else ())
    node = rig.agent.net.node
    own = (*node.addresses, *(one.vtep.spec.address for one in node.underlays))
    rig.agent.net.policy.take(compile_node(world, {pack_address(POD): POD_NAME}, own))


TO_PEER = {"to": [{"podSelector": {"matchLabels": {"app": "peer"}}}], "ports": [{"port": 80}]}


class Peername(asyncio.Protocol):
    """Remembers who calls."""

    def __init__(self, heard: list[str]) -> None:
        self._heard = heard

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._heard.append(transport.get_extra_info("peername")[0])


def test_a_pod_speaks_from_its_own_address() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            heard: list[str] = []
            await rig.client.create_server(lambda: Peername(heard), NEIGHBOUR, 80)
            assert await dialled(ways(rig), NEIGHBOUR, 80, CALLER) == (200, "")
            await until(lambda: heard == [POD])

    run(main())


def test_the_verdict_is_on_the_endpoint_behind_a_cluster_ip() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            await rig.client.create_server(asyncio.Protocol, NEIGHBOUR, 80)
            services = [service("peer", "10.96.0.7", NEIGHBOUR, 80)]
            way = ways(rig, services=services)
            enforce(rig, {"to": [{"ipBlock": {"cidr": "10.96.0.0/12"}}]})
            for host in ("10.96.0.7", "peer", "peer.default.svc"):
                status, reason = await dialled(way, host, 80, CALLER)
                assert status == 403
                assert reason == (
                    "NetworkPolicy default/out isolates default/tiny-0 for egress, and no rule lets it reach "
                    "10.244.8.1:80"
                )
            enforce(rig, TO_PEER)
            for host in ("10.96.0.7", "peer", NEIGHBOUR):
                assert await dialled(way, host, 80, CALLER) == (200, "")
            assert (await dialled(way, NEIGHBOUR, 81, CALLER))[0] == 403
            assert await dialled(way, NEIGHBOUR, 80) == (200, "")  # a program of this machine
            counts = rig.agent.net.policy.counts
            assert {(one.outcome, one.policy, count) for one, count in counts.items()} == {
                (Outcome.DENIED, "default/out", 4),
                (Outcome.ALLOWED, "default/out", 3),
            }

    run(main())


def test_a_pod_reaches_itself_by_its_service_whatever_policies_say() -> None:
    """From the node's address: a connection of an address to itself is none."""

    async def main() -> None:
        async with running_agent() as rig:
            enforce(rig)
            way = ways(rig, services=[service("llm", "10.96.0.7", POD, 8080)])
            assert await dialled(way, "llm", 80, CALLER) == (200, "")
            await until(lambda: not rig.agent.net.open_connections)

    run(main())


def test_loopback_is_the_pods_own() -> None:
    """And so is not reached by a proxy: this machine's own services are not the pod's."""

    async def main() -> None:
        async with running_agent() as rig, listening(asyncio.Protocol) as port:
            enforce(rig, {})
            for host in ("127.0.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "localhost"):
                status, reason = await dialled(ways(rig, hosts=True), host, port, CALLER)
                assert (status, reason) == (
                    403,
                    "loopback is the pod's own: this machine's is not reached from here",
                )

    run(main())


def test_hosts_outside_are_let_through_by_ip_block(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with running_agent() as rig:
            dialled_hosts: list[str] = []

            async def connect(factory: Any, host: str, port: int) -> None:
                dialled_hosts.append(host)
                raise ConnectionRefusedError

            monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
            way = ways(rig)
            enforce(rig, {"to": [{"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.9/32"]}}]})
            assert await dialled(way, "192.0.2.7", 443, CALLER) == (502, "connection refused")
            for host in ("192.0.2.9", "198.51.100.1"):
                assert (await dialled(way, host, 443, CALLER))[0] == 403
            assert dialled_hosts == ["192.0.2.7"]

    run(main())


def test_a_name_of_the_world_is_looked_up_for_who_may_ask_cluster_dns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dns, endpoints = service("kube-dns", "10.96.0.10", NEIGHBOUR, 53)
    for one in (dns, endpoints):
        one["metadata"]["namespace"] = "kube-system"
    dns["metadata"]["labels"] = {"k8s-app": "kube-dns"}
    everywhere = {"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}
    to_dns = {"to": [{"podSelector": {"matchLabels": {"app": "peer"}}}], "ports": [{"port": 53}]}

    async def main() -> None:
        async with running_agent() as rig:
            asked: list[str] = []

            async def look_up(host: str, port: int, **options: Any) -> list[Any]:
                asked.append(host)
                return [(0, 0, 0, "", (address, port)) for address in ("198.51.100.1", "192.0.2.7")]

            async def connect(factory: Any, host: str, port: int) -> None:
                asked.append(host)
                raise ConnectionRefusedError

            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
            monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
            way = ways(rig, services=[(dns, endpoints)])
            enforce(rig, everywhere)
            status, reason = await dialled(way, "example.com", 443, CALLER)
            assert status == 403
            assert reason.startswith("example.com is not looked up: NetworkPolicy default/out isolates")
            assert asked == []
            enforce(rig, everywhere, to_dns)
            assert await dialled(way, "example.com", 443, CALLER) == (502, "connection refused")
            assert asked == ["example.com", "192.0.2.7"]  # of its addresses, those that it may reach
            enforce(rig, to_dns)
            assert (await dialled(way, "example.com", 443, CALLER))[0] == 403
            # without a DNS server that is known, who may ask everybody may ask
            asked.clear()
            enforce(rig, everywhere, {"ports": [{"port": 53, "protocol": "UDP"}]})
            assert await dialled(ways(rig), "example.com", 443, CALLER) == (502, "connection refused")
            assert (await dialled(way, "example.com", 443, CALLER))[0] == 403

    run(main())


def test_the_own_node_is_always_reached() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            enforce(rig)
            status, reason = await dialled(ways(rig), "10.244.7.1", 9, CALLER)
            assert (status, reason) == (502, "connection refused")

    run(main())


def test_a_new_policy_cuts_what_it_does_not_let_stand() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            await rig.client.create_server(asyncio.Protocol, NEIGHBOUR, 80)
            way = ways(rig)
            enforce(rig, TO_PEER)
            pair = Splice(idle_timeout_s=60), Splice(idle_timeout_s=60)
            clients = Client(), Client()
            for splice, client, caller in zip(pair, clients, (CALLER, None), strict=True):
                splice.sides[CLIENT].connection_made(client)
                assert await way.dial(NEIGHBOUR, 80, splice, caller) == (200, "")
            enforce(rig, TO_PEER, {"ports": [{"port": 9}]})
            way.recheck()
            assert not any(client.was_cut for client in clients)
            enforce(rig)
            way.recheck()
            assert [client.was_cut for client in clients] == [True, False]
            pair[1].abort()
            await until(lambda: not rig.agent.net.open_connections)

    run(main())


def test_a_pod_without_an_address_of_the_family_has_no_way() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            caller = Caller(POD_NAME, (bytes(15) + b"\7",))
            assert await dialled(ways(rig), NEIGHBOUR, 80, caller) == (
                502,
                "no route to host: default/tiny-0 has no address of that family",
            )

    run(main())
