"""What to change in a Node that is there already, when ours registers under its name; pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bronzewillow.kube.leaving import LEAVING, is_leaving
from bronzewillow.kube.resources import Object
from bronzewillow.kube.times import parse_time

_NATIVE = ("cpu", "memory", "pods", "ephemeral-storage", "storage")


def metadata_patch(existing: Object, ours: Object) -> dict[str, Any] | None:
    """Our labels and annotations, where they differ; those of others stay. None for no change.

    A node that has left before is none of those that leave any more, and takes pods again.
    """
    changed: dict[str, dict[str, str | None]] = {}
    for part in ("labels", "annotations"):
        theirs = existing["metadata"].get(part) or {}
        wanted = ours["metadata"].get(part) or {}
        if different := {key: value for key, value in wanted.items() if theirs.get(key) != value}:
            changed[part] = different
    if is_leaving(existing):
        changed.setdefault("annotations", {})[LEAVING] = None
        return {"metadata": changed, "spec": {"unschedulable": None}}
    return {"metadata": changed} if changed else None


def leftovers_patch(existing: Object, ours: Object) -> dict[str, Any] | None:
    """Extended resources of a former life are set to 0: whoever had them is not told that they never were."""
    own = ours.get("status", {}).get("capacity") or {}
    theirs = existing.get("status", {}).get("capacity") or {}
    left = {
        key: "0"
        for key, value in theirs.items()
        if key not in own and str(value) != "0" and key not in _NATIVE and not key.startswith("hugepages-")
    }
    return {"status": {"capacity": left, "allocatable": left}} if left else None


def is_another_machine(existing: Object, ours: Object) -> bool:
    """Whether the Node of our name was last reported by a machine that is not this one."""
    theirs = existing.get("status", {}).get("nodeInfo", {}).get("systemUUID")
    own = ours.get("status", {}).get("nodeInfo", {}).get("systemUUID")
    return bool(theirs and own) and str(theirs).lower() != str(own).lower()


def is_alive(lease: Object, now: datetime) -> bool:
    """Whether a Lease is held at `now`."""
    spec = lease.get("spec") or {}
    try:
        renewed = parse_time(str(spec.get("renewTime")))
        duration = timedelta(seconds=float(spec.get("leaseDurationSeconds") or 0))
    except ValueError:
        return False
    return now < renewed + duration


def has_rebooted(existing: Object, ours: Object) -> bool:
    """Whether the machine started anew since it last reported."""
    theirs = existing.get("status", {}).get("nodeInfo", {}).get("bootID")
    own = ours.get("status", {}).get("nodeInfo", {}).get("bootID")
    return bool(theirs and own) and theirs != own
