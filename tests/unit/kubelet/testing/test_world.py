"""Worlds in words."""

from __future__ import annotations

import pytest

from kubelet.model.actions import ProbeKind
from kubelet.model.outcomes import Failed, Probed, ProbeResult
from kubelet.model.times import SECOND
from kubelet.testing.world import FOREVER, Exit, ScenarioError, Try, parse_duration, parse_world, turn


def test_a_world() -> None:
    world = parse_world(
        {
            "containers": {
                "llm": {
                    "runs": ["5s exit 137 OOMKilled", "forever"],
                    "ends": "never",
                    "create": ['fail CreateContainerConfigError: configmap "x" not found', "ok"],
                    "preStop": ["3s"],
                    "readiness": ["0s failed: HTTP probe failed: 503", "20s ok"],
                }
            },
            "images": {"m:1": {"pulls": ["3s fail manifest unknown"]}},
        }
    )
    llm = world.container("llm")
    assert llm.runs == (Exit(5 * SECOND, 137, "OOMKilled"), Exit(FOREVER))
    assert llm.create[0] == Try(None, Failed('configmap "x" not found', "CreateContainerConfigError"))
    assert llm.pre_stop == (Try(3 * SECOND),)
    assert llm.probe(ProbeKind.READINESS, 19 * SECOND).output == "HTTP probe failed: 503"
    assert llm.probe(ProbeKind.READINESS, 20 * SECOND) == Probed(ProbeResult.SUCCESS)
    assert world.image("m:1").pulls == (Try(3 * SECOND, Failed("manifest unknown")),)


def test_durations_and_turns() -> None:
    assert parse_duration("1m30s") == 90 * SECOND
    assert parse_duration("450ms") == 450_000
    assert [turn((1, 2), index) for index in range(4)] == [1, 2, 2, 2]


@pytest.mark.parametrize(
    "world",
    [
        {"containers": {"a": {"runs": ["soon"]}}},
        {"containers": {"a": {"runs": ["soon exit 1"]}}},
        {"sandbox": ["perhaps"]},
        {"containers": {"a": {"liveness": ["ok"]}}},
    ],
)
def test_what_is_not_understood(world: dict[str, object]) -> None:
    with pytest.raises(ScenarioError):
        parse_world(world)
