"""What pods use."""

from __future__ import annotations

from kubelet.provider.labels import CONTAINER_NAME, POD_NAME, POD_NAMESPACE, POD_UID
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
    [pod] = pod_usages([stats(("a", 10, 100), ("b", 20, 200))], {"c-a": 7})
    assert (pod.name, pod.cpu_ns, pod.memory_bytes, pod.time_ns) == ("llm-0", 30, 300, 5)
    assert pod.containers[0] == ContainerUsage("a", 5, 10, 100, 0, 7)


def test_what_has_ended_does_not_hide_its_pod() -> None:
    [pod] = pod_usages([stats(("a", 10, 100), ("ended", 0, 0))], {})
    assert [one.name for one in pod.containers] == ["a"]
    assert pod_usages([stats(("ended", 0, 0))], {}) == ()


def test_what_no_kubelet_made_is_not_told() -> None:
    assert pod_usages([api.PodSandboxStats()], {}) == ()
