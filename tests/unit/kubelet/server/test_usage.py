"""What pods use."""

from __future__ import annotations

from kubelet.provider.labels import CONTAINER_NAME, POD_NAME, POD_NAMESPACE, POD_UID
from kubelet.server.cpu_rates import CpuRates
from kubelet.server.usage import ContainerUsage, pod_usages
from runtime.api import cri_pb2 as api

LABELS = {POD_UID: "u-1", POD_NAME: "llm-0", POD_NAMESPACE: "default"}


def stats(*containers: tuple[str, int, int]) -> api.PodSandboxStats:
    found = api.PodSandboxStats(attributes=api.PodSandboxAttributes(id="s-1", labels=LABELS))
    for name, cpu_ns, memory_bytes in containers:
        one = found.linux.containers.add()
        one.attributes.id = f"c-{name}"
        one.attributes.labels.update({**LABELS, CONTAINER_NAME: name})
        one.cpu.timestamp = 5
        one.cpu.usage_core_nano_seconds.value = cpu_ns
        one.memory.working_set_bytes.value = memory_bytes
    return found


def test_containers_add_up() -> None:
    made = api.Container(id="c-a", created_at=7, image=api.ImageSpec(user_specified_image="tiny:v1"))
    [pod] = pod_usages([stats(("a", 10, 100), ("b", 20, 200))], [made], CpuRates())
    assert (pod.name, pod.cpu_ns, pod.memory_bytes, pod.time_ns) == ("llm-0", 30, 300, 5)
    assert pod.containers[0] == ContainerUsage("a", 5, 10, 100, 0, 7, "c-a", "tiny:v1")


def test_what_has_ended_does_not_hide_its_pod() -> None:
    [pod] = pod_usages([stats(("a", 10, 100), ("ended", 0, 0))], [], CpuRates())
    assert [one.name for one in pod.containers] == ["a"]
    assert pod_usages([stats(("ended", 0, 0))], [], CpuRates()) == ()


def test_what_no_kubelet_made_is_not_told() -> None:
    assert pod_usages([api.PodSandboxStats()], [], CpuRates()) == ()


def test_cores_are_known_after_a_while() -> None:
    rates, first, later = CpuRates(), stats(("a", 10, 100)), stats(("a", 10_000_000_010, 100))
    later.linux.containers[0].cpu.timestamp += 20_000_000_000
    [pod] = pod_usages([first], [], rates)
    assert pod.cpu_nano_cores is None
    [pod] = pod_usages([later], [], rates)
    assert pod.cpu_nano_cores == pod.containers[0].cpu_nano_cores == 500_000_000
