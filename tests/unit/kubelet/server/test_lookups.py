"""From names to pods and containers."""

from __future__ import annotations

import asyncio

import pytest

from kubelet.server.errors import RequestError
from kubelet.server.lookups import (
    find_container,
    find_pod,
    find_previous_container,
    find_running_container,
    find_sandbox,
    has_container,
)
from runtime.api import cri_pb2 as api

from .conftest import Pods, Runtime, container, pod


def test_a_pod_by_name_and_perhaps_uid() -> None:
    assert find_pod(Pods(), "default", "llm-0", "u-1") == pod()
    for names in (("default", "other", ""), ("kube-system", "llm-0", ""), ("default", "llm-0", "u-2")):
        with pytest.raises(RequestError, match="does not exist"):
            find_pod(Pods(), *names)


def test_containers_of_all_kinds_count() -> None:
    found = {
        "spec": {
            "containers": [{"name": "a"}],
            "initContainers": [{"name": "b"}],
            "ephemeralContainers": None,
        }
    }
    assert [has_container(found, name) for name in "abc"] == [True, True, False]


def test_the_newest_instance_that_was_started() -> None:
    runtime = Runtime(
        [
            container("c-0", attempt=0, state=api.CONTAINER_EXITED),
            container("c-2", attempt=2, state=api.CONTAINER_CREATED),
            container("c-1", attempt=1),
            container("d-9", attempt=9, name="sidecar"),
        ]
    )
    assert asyncio.run(find_container(runtime, pod(), "llm")).id == "c-1"


def test_a_container_that_waits_says_for_what() -> None:
    status = {"containerStatuses": [{"name": "llm", "state": {"waiting": {"reason": "ErrImagePull"}}}]}
    with pytest.raises(RequestError, match="is waiting to start: ErrImagePull"):
        asyncio.run(find_container(Runtime(), pod(status=status), "llm"))


def test_previous_is_what_the_status_says() -> None:
    runtime = Runtime([container("c-0", state=api.CONTAINER_EXITED), container("c-1", attempt=1)])
    last = {"lastState": {"terminated": {"containerID": "runm://c-0"}}}
    status = {"containerStatuses": [{"name": "llm", **last}]}
    assert asyncio.run(find_previous_container(runtime, pod(status=status), "llm")).id == "c-0"
    with pytest.raises(RequestError, match="previous terminated container"):
        asyncio.run(find_previous_container(runtime, pod(), "llm"))


def test_only_what_runs_takes_commands() -> None:
    runtime = Runtime([container(state=api.CONTAINER_EXITED)])
    with pytest.raises(RequestError, match="is not running"):
        asyncio.run(find_running_container(runtime, pod(), "llm"))


def test_the_sandbox_that_is_ready() -> None:
    ended = api.PodSandbox(id="s-0", state=api.SANDBOX_NOTREADY, created_at=1)
    ready = api.PodSandbox(id="s-1", state=api.SANDBOX_READY, created_at=2)
    assert asyncio.run(find_sandbox(Runtime(ready=[ended, ready]), pod())) == "s-1"
    with pytest.raises(RequestError, match="is not running"):
        asyncio.run(find_sandbox(Runtime(ready=[ended]), pod()))
