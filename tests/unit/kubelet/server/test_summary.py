"""/stats/summary."""

from __future__ import annotations

from kubelet.server.summary import stats_summary
from kubelet.server.surroundings import NodeUsage, PodDisk
from kubelet.server.usage import ContainerUsage, PodUsage

from .conftest import Machine

USAGE = ContainerUsage("llm", 1_700_000_000_250_000_000, 1500, 4096, 77, 0, cpu_nano_cores=250)
POD = PodUsage("default", "llm-0", "u-1", (USAGE,), 3)
DISKS = {"u-1": PodDisk({"llm": 5}, {"cache": 6})}


def test_the_whole_of_it() -> None:
    found = stats_summary("mac-1", Machine().usage(), [POD], DISKS, 700, only_cpu_and_memory=False)
    assert found["node"]["cpu"] == {
        "time": "2023-11-14T22:13:20Z",
        "usageNanoCores": 500_000_000,
        "usageCoreNanoSeconds": 12_500_000_000,
    }
    assert found["node"]["fs"] == {
        "time": "2023-11-14T22:13:20Z", "availableBytes": 90, "capacityBytes": 100, "usedBytes": 10,
        "inodes": 50, "inodesFree": 40, "inodesUsed": 10,
    }  # fmt: skip
    assert (found["node"]["network"]["name"], found["node"]["network"]["rxErrors"]) == ("en0", 1)
    assert [one["name"] for one in found["node"]["network"]["interfaces"]] == ["en0", "lo0"]
    assert found["node"]["rlimit"] == {"time": "2023-11-14T22:13:20Z", "maxpid": 4000, "curproc": 300}
    assert found["node"]["swap"]["swapUsageBytes"] == 1
    assert found["node"]["runtime"]["imageFs"]["usedBytes"] == 700
    [pod] = found["pods"]
    assert pod["podRef"] == {"name": "llm-0", "namespace": "default", "uid": "u-1"}
    assert pod["containers"][0]["memory"]["workingSetBytes"] == 4096
    assert pod["containers"][0]["cpu"]["usageNanoCores"] == pod["cpu"]["usageNanoCores"] == 250
    assert pod["containers"][0]["logs"]["usedBytes"] == 5
    assert [(one["name"], one["usedBytes"]) for one in pod["volume"]] == [("cache", 6)]
    assert pod["ephemeral-storage"]["usedBytes"] == 88
    assert pod["process_stats"] == {"process_count": 3}


def test_only_cpu_and_memory() -> None:
    found = stats_summary("mac-1", Machine().usage(), [POD], {}, None, only_cpu_and_memory=True)
    assert set(found["node"]) == {"nodeName", "startTime", "cpu", "memory", "swap"}
    assert set(found["pods"][0]["containers"][0]) == {"name", "startTime", "cpu", "memory"}


def test_what_is_not_known_yet_is_left_out() -> None:
    young = PodUsage("default", "llm-0", "u-1", (ContainerUsage("llm", 1, 1500, 4096, 77, 0),), 3)
    found = stats_summary("mac-1", NodeUsage(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1), [young], {}, None,
                          only_cpu_and_memory=False)  # fmt: skip
    assert "usageNanoCores" not in found["pods"][0]["cpu"]
    assert "inodes" not in found["node"]["fs"]
    assert "maxpid" not in found["node"]["rlimit"]
    assert found["node"]["network"]["interfaces"] == []
