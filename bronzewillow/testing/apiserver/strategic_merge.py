"""Strategic merge patches: lists of objects merge by a key, as the types' `patchMergeKey` tags say. Pure.

A list that is in neither table below is replaced as a whole: so are `containerStatuses` and taints.
"""

from __future__ import annotations

import copy
from typing import Any

_MERGE_KEYS: dict[str, dict[str, str]] = {
    "Pod": {
        "metadata.ownerReferences": "uid",
        "spec.containers": "name",
        "spec.initContainers": "name",
        "spec.ephemeralContainers": "name",
        "spec.volumes": "name",
        "spec.imagePullSecrets": "name",
        "spec.hostAliases": "ip",
        "spec.topologySpreadConstraints": "topologyKey",
        "spec.containers.env": "name",
        "spec.containers.ports": "containerPort",
        "spec.containers.volumeMounts": "mountPath",
        "spec.initContainers.env": "name",
        "spec.initContainers.ports": "containerPort",
        "spec.initContainers.volumeMounts": "mountPath",
        "status.conditions": "type",
        "status.podIPs": "ip",
        "status.hostIPs": "ip",
        "status.resourceClaimStatuses": "name",
    },
    "Node": {"status.conditions": "type", "status.addresses": "type"},
    "Service": {"spec.ports": "port", "status.conditions": "type"},
    "Namespace": {"status.conditions": "type"},
    "ServiceAccount": {"secrets": "name"},
}
_SETS = {"metadata.finalizers", "spec.podCIDRs"}


def strategic_merge(kind: str, target: Any, patch: Any) -> Any:
    """A new object of `kind`; ValueError for a patch that does not fit."""
    keys = {"metadata.ownerReferences": "uid", **_MERGE_KEYS.get(kind, {})}
    return _merge_objects(keys, "", target, patch)


def _merge_objects(keys: dict[str, str], path: str, target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    directive = patch.get("$patch")
    if directive == "replace":
        return {name: copy.deepcopy(value) for name, value in patch.items() if name != "$patch"}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise ValueError(f"unknown patch directive {directive!r}")
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    if isinstance(kept := patch.get("$retainKeys"), list):
        result = {name: value for name, value in result.items() if name in kept}
    for name, value in patch.items():
        where = f"{path}.{name}" if path else name
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            result[field] = [item for item in result.get(field) or [] if item not in value]
        elif name.startswith("$"):
            continue
        elif value is None:
            result.pop(name, None)
        elif isinstance(value, list):
            order = patch.get(f"$setElementOrder/{name}")
            result[name] = _merge_lists(keys, where, result.get(name) or [], value, order)
        else:
            result[name] = _merge_objects(keys, where, result.get(name), value)
    return result


def _merge_lists(
    keys: dict[str, str], path: str, target: list[Any], patch: list[Any], order: Any
) -> list[Any]:
    if path in _SETS:
        return target + [item for item in patch if item not in target]
    if path not in keys:
        return copy.deepcopy(patch)
    key = keys[path]
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [copy.deepcopy(item) for item in patch if item.get("$patch") != "replace"]
    result = copy.deepcopy(target)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise ValueError(f"map: {item} does not contain declared merge key: {key}")
        place = next((i for i, known in enumerate(result) if known.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            result = [known for known in result if known.get(key) != item[key]]
        elif place is None:
            result.append(_merge_objects(keys, path, {}, item))
        else:
            result[place] = _merge_objects(keys, path, result[place], item)
    if isinstance(order, list):
        wanted = [item.get(key) for item in order if isinstance(item, dict)]
        result.sort(key=lambda item: wanted.index(item[key]) if item[key] in wanted else len(wanted))
    return result
