"""What an update may change: status and the rest apart, versions and UIDs compared, generations counted."""

from __future__ import annotations

import copy

from bronzewillow.kube.resources import Object
from bronzewillow.testing.apiserver import defaults, pod_defaults
from bronzewillow.testing.apiserver.calls import Call
from bronzewillow.testing.apiserver.refusals import conflict, invalid

_KEPT = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")
_MUST_SAY_VERSION = {"leases", "roles", "rolebindings", "clusterroles", "clusterrolebindings"}
MAY_CREATE = {"leases", "events"}
"""Plurals whose PUT makes the object when there is none."""
_POD_MAY_CHANGE = {"activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations"}


def updated(call: Call, old: Object, new: Object) -> Object:
    """What is to be stored: `new`, as far as the call may change `old`. Refused."""
    _check_preconditions(call, old, new)
    result = copy.deepcopy(new)
    metadata = result["metadata"]
    metadata |= {"name": old["metadata"]["name"]}
    for field in _KEPT:
        metadata.pop(field, None)
        if field in old["metadata"]:
            metadata[field] = old["metadata"][field]
    for field in ("namespace", "generateName"):
        if field in old["metadata"]:
            metadata[field] = old["metadata"][field]
    metadata["resourceVersion"] = old["metadata"]["resourceVersion"]
    metadata.pop("managedFields", None)
    result |= {"apiVersion": call.resource.api_version, "kind": call.resource.kind}
    assert call.kind is not None
    if call.subresource == "status":
        return _status_only(call, old, result)
    if call.subresource == "approval":
        result = {**old, "status": result.get("status", {})}
        _approval(call, result)
    elif call.kind.has_status:
        result.pop("status", None)
        if "status" in old:
            result["status"] = old["status"]
    if call.resource.plural == "pods" and not call.resource.group:
        _pod(call, old, result)
    if call.resource.plural == "certificatesigningrequests":
        result["spec"] = old["spec"]
    if call.resource.plural == "leases":
        defaults.validate_lease(call, result)
    if result.get("spec") != old.get("spec") and "generation" in metadata:
        metadata["generation"] += 1
    return result


def _check_preconditions(call: Call, old: Object, new: Object) -> None:
    metadata, name = new.get("metadata") or {}, old["metadata"]["name"]
    uid, version = metadata.get("uid"), metadata.get("resourceVersion", "")
    if uid and uid != old["metadata"]["uid"]:
        if call.verb == "patch":  # only whole objects and deletes have preconditions
            why = f'Invalid value: "{uid}": field is immutable'
            raise invalid(call.resource, name, "metadata.uid", why)
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata']['uid']}"
        raise conflict(call.resource, name, why)
    version = "" if version == "0" else version
    must_say = call.resource.plural in _MUST_SAY_VERSION or (call.kind is not None and call.kind.is_custom)
    if not version and call.verb == "update" and must_say:
        why = "Invalid value: 0: must be specified for an update"
        raise invalid(call.resource, name, "metadata.resourceVersion", why)
    if version and version != old["metadata"]["resourceVersion"]:
        raise conflict(call.resource, name)


def _status_only(call: Call, old: Object, new: Object) -> Object:
    result = {**copy.deepcopy(old), "metadata": new["metadata"]}
    if "status" in new:
        result["status"] = new["status"]
    else:
        result.pop("status", None)
    if call.resource.plural == "pods":
        for field in ("ownerReferences", "generation"):
            result["metadata"].pop(field, None)
            if field in old["metadata"]:
                result["metadata"][field] = old["metadata"][field]
        qos = old.get("status", {}).get("qosClass")
        if qos:
            result.setdefault("status", {})["qosClass"] = qos
    return result


def _approval(call: Call, new: Object) -> None:
    conditions = {condition["type"] for condition in new["status"].get("conditions") or []}
    if {"Approved", "Denied"} <= conditions:
        why = "Invalid value: Approved and Denied conditions are mutually exclusive"
        raise invalid(call.resource, new["metadata"]["name"], "status.conditions", why)


def _pod(call: Call, old: Object, new: Object) -> None:
    pod_defaults.validate(new)
    before, after = copy.deepcopy(old["spec"]), copy.deepcopy(new["spec"])
    for spec in (before, after):
        for field in _POD_MAY_CHANGE:
            spec.pop(field, None)
        for container in [*spec["containers"], *(spec.get("initContainers") or [])]:
            container.pop("image", None)
    if before != after:
        why = (
            "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions "
            "to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it "
            "was previously negative)"
        )
        raise invalid(call.resource, old["metadata"]["name"], "spec", why, "FieldValueForbidden")
