"""A status as a patch, and whether one is needed."""

from __future__ import annotations

from typing import Any

import pytest

from kubelet.pods.status_patch import is_written, status_patch

READY = {"type": "Ready", "status": "True"}
OURS: dict[str, Any] = {
    "phase": "Running",
    "conditions": [READY],
    "podIP": "10.0.0.1",
    "podIPs": [{"ip": "10.0.0.1"}],
}


def test_a_namesake_is_told_apart() -> None:
    assert status_patch("u1", {}, OURS) == {"metadata": {"uid": "u1"}, "status": OURS}


def test_what_is_no_more_is_taken_away_and_what_is_not_ours_stays() -> None:
    known = {"reason": "Evicted", "nominatedNodeName": "x", "phase": "Pending"}
    patch = status_patch("u1", known, {"phase": "Running"})["status"]
    assert patch == {"reason": None, "phase": "Running"}


def test_addresses_merge_by_ip_so_old_ones_are_replaced() -> None:
    known = {"podIPs": [{"ip": "10.0.0.9"}]}
    patch = status_patch("u1", known, OURS)["status"]
    assert patch["podIPs"] == [{"$patch": "replace"}, {"ip": "10.0.0.1"}]
    assert status_patch("u1", {"podIPs": [{"ip": "10.0.0.1"}]}, OURS)["status"]["podIPs"] == OURS["podIPs"]


@pytest.mark.parametrize(
    ("known", "is_there"),
    [
        (OURS, True),
        (
            {**OURS, "conditions": [{"type": "mine", "status": "True"}, {**READY, "lastProbeTime": None}]},
            True,
        ),
        ({**OURS, "nominatedNodeName": "x"}, True),
        ({**OURS, "phase": "Pending"}, False),
        ({**OURS, "conditions": [{**READY, "status": "False"}]}, False),
        ({**OURS, "conditions": []}, False),
        ({**OURS, "reason": "Evicted"}, False),
        ({**OURS, "reason": ""}, True),
        ({**OURS, "podIPs": [{"ip": "10.0.0.9"}]}, False),
        ({**OURS, "podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]}, False),
        ({}, False),
    ],
)
def test_what_is_written_already(known: dict[str, Any], is_there: bool) -> None:
    assert is_written(known, OURS) is is_there


def test_servers_leave_out_what_is_empty() -> None:
    ours = {
        "containerStatuses": [
            {"name": "a", "ready": False, "imageID": "", "lastState": {}, "restartCount": 0}
        ]
    }
    assert is_written({"containerStatuses": [{"name": "a"}]}, ours)
    assert is_written({}, {"initContainerStatuses": []})
    assert not is_written({"containerStatuses": [{"name": "a", "ready": True}]}, ours)
