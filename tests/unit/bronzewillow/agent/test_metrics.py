"""The agent's metrics, as Prometheus reads them."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bronzewillow.agent.addresses import pack_address
from bronzewillow.agent.metrics import AgentCollector
from bronzewillow.host.tasks import spawn
from bronzewillow.policy.compile import compile_node
from bronzewillow.policy.world import PolicyPod, World
from bronzewillow.testing.agents import POD_NAME, running_agent
from bronzewillow.testing.aio import end, run
from bronzewillow.testing.loopback import until
from bronzewillow.testing.overlay import POD

pytestmark = pytest.mark.loopback


def test_counters_follow_the_work() -> None:
    async def main() -> None:
        async with running_agent() as rig, rig.session() as session:
            registry = CollectorRegistry()
            registry.register(AgentCollector(rig.agent.net, rig.agent.pods))
            value = registry.get_sample_value
            assert value("bronzewillow_overlay_datagrams_total", {"direction": "in"}) == 0
            async with session.get("http://10.244.7.10:8080/x") as response:
                assert response.status == 200
            vtep = rig.agent.net.node.underlays[0].vtep
            assert value("bronzewillow_overlay_datagrams_total", {"direction": "in"}) == vtep.datagrams_in
            assert value("bronzewillow_overlay_bytes_total", {"direction": "out"}) == vtep.bytes_out > 0
            assert value("bronzewillow_peers") == 1
            assert value("bronzewillow_stack_accepted_total", {"pod": POD_NAME}) == 1
            established = {"pod": POD_NAME, "state": "ESTABLISHED"}
            assert value("bronzewillow_tcp_connections", established) == 1
            assert value("bronzewillow_datagram_calls_total", {"direction": "in"})

            rig.client.node.underlays[0].socket.send(b"short", 5, ("127.0.0.1", rig.port))
            await until(lambda: value("bronzewillow_drops_total", {"reason": "truncated"}) == 1)

    run(main())


def test_what_policies_decided() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            registry = CollectorRegistry()
            registry.register(AgentCollector(rig.agent.net, rig.agent.pods))
            pod = pack_address(POD)
            deny = {"metadata": {"namespace": "default", "name": "deny"}, "spec": {"podSelector": {}}}
            world = World((PolicyPod("default", "tiny-0", {}, (pod,)),), {}, (deny,))
            rig.agent.enforce(compile_node(world, {pod: POD_NAME}, ()))
            labels = {"pod": POD_NAME, "direction": "ingress", "verdict": "denied", "policy": "default/deny"}
            asking = spawn(rig.get("/x"), name="asking")
            await until(
                lambda: bool(registry.get_sample_value("bronzewillow_policy_connections_total", labels))
            )
            assert not asking.done()
            await end(asking)

    run(main())


def test_what_the_door_did_not_reach() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            registry = CollectorRegistry()
            registry.register(AgentCollector(rig.agent.net, rig.agent.pods, {403: 2, 502: 1}))
            for status, count in (("403", 2), ("502", 1)):
                found = registry.get_sample_value("bronzewillow_door_refusals_total", {"status": status})
                assert found == count

    run(main())


def test_every_family_has_a_help_text_and_parses() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            registry = CollectorRegistry()
            registry.register(AgentCollector(rig.agent.net, rig.agent.pods))
            families = list(text_string_to_metric_families(generate_latest(registry).decode()))
            assert len(families) > 15
            assert all(family.name.startswith("bronzewillow_") for family in families)
            assert all(family.documentation for family in families)

    run(main())
