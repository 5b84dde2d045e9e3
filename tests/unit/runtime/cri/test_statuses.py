from __future__ import annotations

import pytest

from runtime.api import cri_pb2 as api
from runtime.cri.records import Container, Sandbox
from runtime.cri.statuses import container_status, sandbox_status, select_containers, select_sandboxes
from runtime.shim.exit_record import ExitRecord


@pytest.mark.parametrize(
    ("ended", "is_lost", "reason"),
    [
        (None, False, ""),
        (ExitRecord(0, 9), False, "Completed"),
        (ExitRecord(1, 9), False, "Error"),
        (ExitRecord(137, 9, True), False, "OOMKilled"),
        (ExitRecord(255, 9), True, "Unknown"),
    ],
)
def test_reasons(ended: ExitRecord | None, is_lost: bool, reason: str) -> None:
    container = Container("c", "s", api.ContainerConfig(), 1, "sha256:1", "tiny:latest", ended=ended)
    container.is_lost = is_lost
    found = container_status(container)
    assert (found.reason, found.exit_code) == (reason, ended.status if ended else 0)
    assert (found.finished_at, found.image_ref, found.image.image) == (
        9 if ended else 0, "sha256:1", "tiny:latest",
    )  # fmt: skip


def test_a_pods_addresses_count_while_it_is_ready() -> None:
    sandbox = Sandbox("s", api.PodSandboxConfig(), 1, "", True, ["10.0.0.1", "fd00::1"])
    found = sandbox_status(sandbox)
    assert (found.network.ip, [one.ip for one in found.network.additional_ips]) == ("10.0.0.1", ["fd00::1"])
    sandbox.is_ready = False
    assert sandbox_status(sandbox).network.ip == ""


def test_the_newest_come_first() -> None:
    sandboxes = [Sandbox(str(number), api.PodSandboxConfig(), number) for number in (1, 3, 2)]
    assert [one.id for one in select_sandboxes(sandboxes, api.PodSandboxFilter())] == ["3", "2", "1"]
    containers = [Container(str(number), "s", api.ContainerConfig(), number, "", "") for number in (1, 3, 2)]
    assert [one.id for one in select_containers(containers, api.ContainerFilter())] == ["3", "2", "1"]
