from __future__ import annotations

from typing import Any

import pytest

from kubelet.node.status_patch import differs, status_patch


def status(**changed: Any) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": "1"}
    return {
        "conditions": [ready],
        "capacity": {"cpu": "8"},
        "addresses": [{"type": "InternalIP", "address": "192.0.2.7"}],
        "images": [],
        **changed,
    }


def test_a_later_time_is_no_news() -> None:
    later = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": "2"}
    assert not differs(status(conditions=[later]), status())


def test_what_others_have_added_is_none_of_ours() -> None:
    foreign = {"type": "NetworkUnavailable", "status": "False"}
    old = status(conditions=[*status()["conditions"], foreign], capacity={"cpu": "8", "example.com/gpu": "1"})
    old["volumesInUse"] = []
    assert not differs(status(), old)


def test_an_empty_list_that_the_api_server_left_out_is_no_news() -> None:
    old = status()
    del old["images"]
    assert not differs(status(), old)


@pytest.mark.parametrize(
    "changed",
    [
        {"conditions": [{"type": "Ready", "status": "False", "reason": "KubeletNotReady"}]},
        {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "x"}]},
        {"conditions": [*status()["conditions"], {"type": "DiskPressure", "status": "False"}]},
        {"capacity": {"cpu": "9"}},
        {"capacity": {"cpu": "8", "pods": "110"}},
        {"addresses": []},
        {"images": [{"names": ["a"]}]},
    ],
)
def test_all_else_is(changed: dict[str, Any]) -> None:
    assert differs(status(**changed), status())


def test_addresses_take_the_place_of_the_old() -> None:
    patch = status_patch(status())["status"]
    assert patch["addresses"] == [{"type": "InternalIP", "address": "192.0.2.7"}, {"$patch": "replace"}]
    assert patch["conditions"] == status()["conditions"]
