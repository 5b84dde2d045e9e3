"""What an agent tells of itself, while it works."""

from __future__ import annotations

import json

import pytest

from bronzewillow.agent.status import drops, flows, status
from bronzewillow.testing.agents import POD_NAME, running_agent
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until

pytestmark = pytest.mark.loopback


def test_status_and_flows_of_a_working_agent() -> None:
    async def main() -> None:
        async with running_agent() as rig, rig.session() as session:
            agent = rig.agent
            before = status(agent.net, agent.pods)
            assert before["datagrams"] == {"in": 0, "out": 0, "bytes_in": 0, "bytes_out": 0}
            async with session.get("http://10.244.7.10:8080/x") as response:
                assert await response.text() == "/x"
            seen = json.loads(json.dumps(status(agent.net, agent.pods)))
            overlay = {
                "encap": "vxlan",
                "address": "127.0.0.1",
                "port": rig.port,
                "vni": 1,
                "pod_cidrs": ["10.244.7.0/24"],
                "node_addresses": ["10.244.7.1"],
                "mac": "02:00:00:00:00:07",
                "inner_mac": "note",
                "mtu": 1450,
            }
            assert seen["overlays"] == [overlay]
            assert (seen["peers"][0]["name"], seen["peers"][0]["path_mtu"]) == ("node-8", 1450)
            assert seen["peers"][0]["pod_cidrs"] == ["10.244.8.0/24"]
            assert [pod["name"] for pod in seen["pods"]] == ["node", POD_NAME]
            pod = seen["pods"][1]
            assert (pod["connections"], pod["counters"]["accepted"]) == (1, 1)
            assert seen["transports"] == 1
            assert seen["datagrams"]["in"] >= 3
            assert seen["drops"] == {}

            (flow,) = flows(agent.net, agent.pods)
            assert flow["pod"] == POD_NAME
            assert flow["local"] == "10.244.7.10:8080"
            assert flow["remote"].startswith("10.244.8.1:")
            assert flow["state"] == "ESTABLISHED"
            assert flow["srtt_us"] > 0
            assert flow["mss"] == 1450 - 40 - 12  # less the time stamps

    run(main())


def test_drops_of_all_layers_are_one_table() -> None:
    async def main() -> None:
        async with running_agent() as rig:
            agent = rig.agent
            port, stranger = rig.port, rig.client.node.underlays[0].socket
            stranger.send(b"\x08\0\0\0\0\0\2\0" + bytes(60), 68, ("127.0.0.1", port))
            stranger.send(b"short", 5, ("127.0.0.1", port))
            await until(lambda: agent.net.node.underlays[0].vtep.datagrams_in == 2)
            await until(lambda: drops(agent.net).total() == 2)
            assert drops(agent.net)["wrong_vni"] == 1

    run(main())
