"""A pod's status as a strategic merge patch, and whether one is needed. Pure.

Of the lists of a PodStatus `conditions` merge by `type`, `podIPs` and `hostIPs` by `ip`; the others are
replaced (kubernetes/api, core/v1/types.go). Conditions of others stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubelet.model.pod_spec import Object, mapping, objects

OURS = (
    "phase", "conditions", "message", "reason", "hostIP", "hostIPs", "podIP", "podIPs", "startTime",
    "initContainerStatuses", "containerStatuses", "qosClass", "observedGeneration",
)  # fmt: skip
_BY_ADDRESS = ("podIPs", "hostIPs")


def status_patch(uid: str, known: Object, status: Object) -> dict[str, Any]:
    """`known`: the status as the API server had it last. A namesake of another UID refuses it with 409."""
    patch: dict[str, Any] = {name: None for name in OURS if name in known and name not in status}
    for name in OURS:
        if name not in status:
            continue
        value = status[name]
        if name in _BY_ADDRESS and _addresses(known.get(name)) - _addresses(value):
            value = [{"$patch": "replace"}, *value]
        patch[name] = value
    return {"metadata": {"uid": uid}, "status": patch}


def is_written(known: Object, status: Object) -> bool:
    """Whether the API server has all of `status` already."""
    gone = [name for name in OURS if known.get(name) not in (None, [], "") and name not in status]
    return not gone and all(
        _has_conditions(known.get(name), status[name])
        if name == "conditions"
        else _has(known.get(name), status[name])
        for name in OURS
        if name in status
    )


def _has_conditions(known: object, wanted: object) -> bool:
    by_type = {one.get("type"): one for one in objects(known)}
    return all(_has(by_type.get(one.get("type")), one) for one in objects(wanted))


def _has(known: object, wanted: object) -> bool:
    """Servers add fields that are null or have defaults, and leave out what is empty."""
    if isinstance(wanted, Mapping):
        return all(_has(mapping(known).get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list | tuple):
        have = list(objects(known)) if all(isinstance(one, Mapping) for one in wanted) else known
        if not isinstance(have, list) or len(have) != len(wanted):
            return not wanted and not have
        return all(_has(one, other) for one, other in zip(have, wanted, strict=True))
    return known == wanted or (known is None and wanted in ("", 0, False))


def _addresses(value: object) -> set[object]:
    return {one.get("ip") for one in objects(value)}
