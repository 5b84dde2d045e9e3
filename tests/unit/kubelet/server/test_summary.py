"""/stats/summary."""

from __future__ import annotations

from kubelet.server.summary import stats_summary
from kubelet.server.usage import ContainerUsage, PodUsage

from .conftest import Machine

POD = PodUsage(
    "default", "llm-0", "u-1", (ContainerUsage("llm", 1_700_000_000_250_000_000, 1500, 4096, 77, 0),), 3
)


def test_the_whole_of_it() -> None:
    found = stats_summary("mac-1", Machine().usage(), [POD], 700, only_cpu_and_memory=False)
    assert found["node"]["cpu"] == {
        "time": "2023-11-14T22:13:20Z",
        "usageNanoCores": 500_000_000,
        "usageCoreNanoSeconds": 12_500_000_000,
    }
    assert found["node"]["fs"]["capacityBytes"] == 100
    assert found["node"]["runtime"]["imageFs"]["usedBytes"] == 700
    [pod] = found["pods"]
    assert pod["podRef"] == {"name": "llm-0", "namespace": "default", "uid": "u-1"}
    assert pod["containers"][0]["memory"]["workingSetBytes"] == 4096
    assert pod["ephemeral-storage"]["usedBytes"] == 77
    assert pod["process_stats"] == {"process_count": 3}


def test_only_cpu_and_memory() -> None:
    found = stats_summary("mac-1", Machine().usage(), [POD], None, only_cpu_and_memory=True)
    assert set(found["node"]) == {"nodeName", "startTime", "cpu", "memory"}
    assert set(found["pods"][0]["containers"][0]) == {"name", "startTime", "cpu", "memory"}
