"""What an agent goes by before the cluster has answered; what it does then is in test_following."""

from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.agent.addresses import pack_address
from bronzewillow.agent.remembered_rules import recall_rules, remember_rules
from bronzewillow.agent.upkeep import Upkeep
from bronzewillow.cluster.observer import Observer
from bronzewillow.cluster.watched import POLICY
from bronzewillow.kube.client import KubeClient
from bronzewillow.policy.rules import Allow, Direction, PodRules
from bronzewillow.testing.agents import AgentRig, running_agent
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.server import api_server
from bronzewillow.testing.loopback import until
from bronzewillow.testing.overlay import OTHER_POD, POD

pytestmark = pytest.mark.loopback

NEIGHBOUR, STRANGER = pack_address("10.244.8.1"), pack_address("10.244.8.2")


def passes(rig: AgentRig, pod: str, peer: bytes) -> bool:
    return rig.agent.net.policy.verdict(Direction.INGRESS, pack_address(pod), peer, "TCP", 80).allowed


def test_the_rules_of_last_time_are_gone_by_until_there_are_others(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    pod = pack_address(POD)
    allow = Allow("default/p", 0, frozenset({NEIGHBOUR}))
    closed = PodRules(
        {Direction.INGRESS: ("default/p",)}, {Direction.INGRESS: (allow,)}, "default/a", frozenset({pod})
    )
    remember_rules(path, {pod: closed})

    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client, running_agent() as rig:
            upkeep = Upkeep(Observer(client), "mac-1", path)
            upkeep.begin(rig.agent)
            assert passes(rig, POD, NEIGHBOUR)
            assert not passes(rig, POD, STRANGER)
            assert not passes(rig, OTHER_POD, NEIGHBOUR)  # it is not known who that is
            for node in rig.agent.addresses:
                assert passes(rig, OTHER_POD, node)

    run(main())


def test_new_rules_are_remembered(tmp_path: Path) -> None:
    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client, running_agent() as rig:
            observer = Observer(client)
            upkeep = Upkeep(observer, "mac-1", tmp_path / "policy.json")
            upkeep.begin(rig.agent)
            begun = rig.agent.net.policy.rules
            await upkeep.look(rig.agent)
            assert rig.agent.net.policy.rules is begun  # the cluster has not answered yet
            observer.watch(POLICY)
            await observer.settled()
            await upkeep.look(rig.agent)
            made = rig.agent.net.policy.rules
            assert made is not begun
            await upkeep.look(rig.agent)
            assert rig.agent.net.policy.rules is made
            await until(lambda: recall_rules(tmp_path / "policy.json") == {})
            observer.close()

    run(main())


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")

    async def main() -> None:
        async with api_server() as server, KubeClient(server.admin()) as client, running_agent() as rig:
            observer = Observer(client)
            upkeep = Upkeep(observer, "mac-1", tmp_path / "file" / "policy.json")
            observer.watch(POLICY)
            await observer.settled()
            await upkeep.look(rig.agent)
            observer.close()

    run(main())
    assert "policy.json: cannot be written" in caplog.text
