"""A container in CRI's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubelet.model.quantity import QuantityError
from kubelet.provider.container_config import Mounted, Resolved, container_config, linux_resources
from kubelet.provider.labels import CONTAINER_NAME, HASH, POD_GRACE, POD_UID, PORTS, RESTART_COUNT
from runtime.api import cri_pb2 as api

from ..conftest import pod


def config(container: dict[str, Any], resolved: Resolved | None = None, **spec: Any) -> api.ContainerConfig:
    return container_config(
        pod(containers=[container], **spec), container, resolved or Resolved(), attempt=4, image="tiny:v1",
        image_ref="sha256:1", spec_hash="abc",
    )  # fmt: skip


def test_who_it_is() -> None:
    found = config({"name": "llm"}, terminationGracePeriodSeconds=9)
    assert found.metadata == api.ContainerMetadata(name="llm", attempt=4)
    assert (found.labels[CONTAINER_NAME], found.labels[POD_UID]) == ("llm", "u1")
    assert (found.annotations[HASH], found.annotations[RESTART_COUNT]) == ("abc", "4")
    assert found.annotations[POD_GRACE] == "9"
    assert found.image == api.ImageSpec(image="sha256:1", user_specified_image="tiny:v1")
    assert found.log_path == "llm/4.log"


def test_what_it_is_told() -> None:
    resolved = Resolved(
        ["runm", "serve"],
        ["--context", "9"],
        {"A": "b\udcff"},
        [Mounted("/etc/c", "/v/c", True, "HostToContainer")],
    )
    found = config({"name": "llm", "workingDir": "/w"}, resolved)
    assert [list(found.command), list(found.args)] == [["runm", "serve"], ["--context", "9"]]
    assert found.working_dir == "/w"
    assert [(one.key, one.value) for one in found.envs] == [("A", b"b\xff")]
    (mount,) = found.mounts
    assert (mount.container_path, mount.host_path, mount.readonly) == ("/etc/c", "/v/c", True)
    assert mount.propagation == api.MountPropagation.PROPAGATION_HOST_TO_CONTAINER


def test_its_own_ports_are_an_annotation() -> None:
    found = config({"name": "llm", "ports": [{"containerPort": 8080, "name": "http"}]})
    assert json.loads(found.annotations[PORTS]) == [{"containerPort": 8080, "name": "http"}]
    assert PORTS not in config({"name": "llm"}).annotations


def test_a_signal_of_its_own() -> None:
    found = config({"name": "llm", "lifecycle": {"stopSignal": "SIGUSR1"}})
    assert api.Signal.Name(found.stop_signal) == "SIGNAL_SIGUSR1"
    odd = config({"name": "llm", "lifecycle": {"stopSignal": "SIGNONSENSE"}})
    assert odd.stop_signal == api.Signal.SIGNAL_RUNTIME_DEFAULT


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, (2, 0, 0, 0)),
        ({"requests": {"cpu": "500m"}}, (512, 0, 0, 0)),
        ({"limits": {"cpu": "2", "memory": "1Gi"}}, (2048, 100_000, 200_000, 1 << 30)),
        ({"limits": {"cpu": "1m"}}, (2, 100_000, 1000, 0)),
    ],
)
def test_resources(resources: dict[str, Any], expected: tuple[int, ...]) -> None:
    found = linux_resources({"resources": resources})
    assert (found.cpu_shares, found.cpu_period, found.cpu_quota, found.memory_limit_in_bytes) == expected


def test_what_is_no_quantity() -> None:
    with pytest.raises(QuantityError, match="memory"):
        linux_resources({"resources": {"limits": {"memory": "much"}}})
