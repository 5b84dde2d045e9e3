"""What to send of a Node's status, and when; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Status = Mapping[str, Any]
_TIMES = ("lastHeartbeatTime", "lastTransitionTime")
_RESOURCES = ("capacity", "allocatable")


def differs(new: Status, old: Status) -> bool:
    """Whether `new` tells more than a later time. What `old` has from others does not count."""
    for part, value in new.items():
        before = old.get(part)
        if part == "conditions":
            before_by_type = {one["type"]: _timeless(one) for one in before or ()}
            if any(before_by_type.get(one["type"]) != _timeless(one) for one in value):
                return True
        elif part in _RESOURCES:
            if any((before or {}).get(name) != amount for name, amount in value.items()):
                return True
        elif before != value and (before or value):  # the API server leaves empty lists out
            return True
    return False


def status_patch(new: Status) -> dict[str, Any]:
    """A strategic merge patch. Conditions merge by type, so those of others stay. Addresses would merge by
    type too, and of two of one type the old would stay: they are replaced as a whole.
    """
    status: dict[str, Any] = {**new}
    if "addresses" in new:
        status["addresses"] = [*new["addresses"], {"$patch": "replace"}]
    return {"status": status}


def _timeless(condition: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in condition.items() if key not in _TIMES}
