"""Deleting: preconditions, grace of pods, finalizers (apiserver pkg/registry/rest/delete.go)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bronzewillow.kube.resources import Object
from bronzewillow.kube.times import emit_time, parse_time
from bronzewillow.testing.apiserver.calls import Call
from bronzewillow.testing.apiserver.refusals import Refused


def check_preconditions(call: Call, obj: Object, options: dict[str, Any]) -> None:
    """Refused when it is another object, or has changed."""
    wanted, metadata = options.get("preconditions") or {}, obj["metadata"]
    if (uid := wanted.get("uid")) and uid != metadata["uid"]:
        raise _mismatch(call, obj, "UID", uid, metadata["uid"], "deleted and then recreated")
    if (version := wanted.get("resourceVersion")) and version != metadata["resourceVersion"]:
        raise _mismatch(call, obj, "ResourceVersion", version, metadata["resourceVersion"], "modified")


def _mismatch(call: Call, obj: Object, what: str, wanted: str, found: str, happened: str) -> Refused:
    """The API server's words; they name the kind, not the plural."""
    message = (
        f'Operation cannot be fulfilled on {call.resource.kind} "{obj["metadata"]["name"]}": '
        f"the {what} in the precondition ({wanted}) does not match the {what} in record ({found}). "
        f"The object might have been {happened}"
    )
    return Refused(409, "Conflict", message)


def mark(call: Call, obj: Object, options: dict[str, Any], now: datetime) -> bool:
    """Write into `obj` that it is to go; True when it goes at once."""
    metadata = obj["metadata"]
    grace_s = _grace(call, obj, options)
    if "deletionTimestamp" in metadata:
        return _shorten(metadata, options, grace_s) and not metadata.get("finalizers")
    if grace_s == 0 and not metadata.get("finalizers"):
        return True
    metadata["deletionTimestamp"] = emit_time(now + timedelta(seconds=grace_s))
    metadata["deletionGracePeriodSeconds"] = grace_s
    if "generation" in metadata:
        metadata["generation"] += 1
    return False


def is_over(obj: Object) -> bool:
    """Whether an object that is to go has lost its last finalizer, and no grace is left to wait for."""
    metadata = obj["metadata"]
    return (
        "deletionTimestamp" in metadata
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
    )


def _grace(call: Call, obj: Object, options: dict[str, Any]) -> int:
    if call.resource.plural != "pods" or call.resource.group:
        return 0
    spec, phase = obj["spec"], obj.get("status", {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    asked = options.get("gracePeriodSeconds")
    grace_s: int = spec.get("terminationGracePeriodSeconds", 30) if asked is None else asked
    return 1 if grace_s < 0 else grace_s


def _shorten(metadata: dict[str, Any], options: dict[str, Any], grace_s: int) -> bool:
    """A second delete may only make the grace shorter; whether it is 0 now."""
    known: int = metadata.get("deletionGracePeriodSeconds", 0)
    if options.get("gracePeriodSeconds") is None or grace_s >= known:
        return known == 0
    end = parse_time(metadata["deletionTimestamp"]) + timedelta(seconds=grace_s - known)
    metadata["deletionTimestamp"] = emit_time(end)
    metadata["deletionGracePeriodSeconds"] = grace_s
    return grace_s == 0
