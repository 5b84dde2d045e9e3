"""The verbs on objects, over the store: what the generic registry of an API server does."""

from __future__ import annotations

import copy
import json
import secrets
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bronzewillow.kube.client import PatchType
from bronzewillow.kube.resources import NAMESPACES, Object
from bronzewillow.kube.times import emit_time
from bronzewillow.testing.apiserver import deletion, node_restriction, updates
from bronzewillow.testing.apiserver.calls import Call
from bronzewillow.testing.apiserver.defaults import prepare_for_create
from bronzewillow.testing.apiserver.json_patch import json_patch, merge_patch
from bronzewillow.testing.apiserver.refusals import (
    Refused,
    already_exists,
    bad_request,
    invalid,
    not_found,
    unsupported_media_type,
)
from bronzewillow.testing.apiserver.store import Store
from bronzewillow.testing.apiserver.strategic_merge import strategic_merge

_COUNTED = {
    "pods",
    "deployments",
    "daemonsets",
    "replicasets",
    "statefulsets",
    "endpointslices",
    "networkpolicies",
    "poddisruptionbudgets",
    "customresourcedefinitions",
}
_ANSWERED_WITH = {"pods", "services", "serviceaccounts", "persistentvolumeclaims"}


class Objects:
    """Every verb takes what `parse_call` found, and gives the object that the client is sent."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock

    def get(self, call: Call) -> Object:
        """Refused with 404."""
        found = self._store.get(call.resource, call.namespace, call.name)
        if found is None:
            raise not_found(call.resource, call.name)
        return found

    def create(self, call: Call, body: Object) -> Object:
        """With a uid and all defaults."""
        obj = copy.deepcopy(body)
        self._check_type(call, obj)
        metadata = obj.setdefault("metadata", {})
        namespaced = call.resource.namespaced
        if namespaced and metadata.setdefault("namespace", call.namespace) != call.namespace:
            raise bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        if not metadata.get("name"):
            if not metadata.get("generateName"):
                raise invalid(
                    call.resource,
                    "",
                    "metadata.name",
                    "Required value: name or generateName is required",
                    "FieldValueRequired",
                )
            metadata["name"] = metadata["generateName"] + secrets.token_hex(3)[:5]
        if namespaced and self._store.get(NAMESPACES, "", call.namespace) is None:
            raise not_found(NAMESPACES, call.namespace)
        if metadata.get("resourceVersion"):
            raise Refused(500, "InternalError", "resourceVersion should not be set on objects to be created")
        for field in ("deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "generation"):
            metadata.pop(field, None)
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": emit_time(self._clock())}
        assert call.kind is not None
        if call.resource.plural in _COUNTED or call.kind.is_custom:
            metadata["generation"] = 1
        if call.kind.is_custom and call.kind.has_status:
            obj.pop("status", None)
        known = self._store.get(call.resource, call.namespace, metadata["name"])
        node_restriction.restrict(self._store, call, None, obj)
        prepare_for_create(self._store, call, obj)
        if known is not None:
            raise already_exists(call.resource, metadata["name"])
        return self._store.put(call.resource, obj)

    def update(self, call: Call, body: Object) -> Object:
        """PUT."""
        self._check_type(call, body)
        if (body.get("metadata") or {}).get("name", call.name) != call.name:
            raise bad_request(
                f"the name of the object ({body['metadata']['name']}) does not match the name on the URL "
                f"({call.name})"
            )
        old = self._store.get(call.resource, call.namespace, call.name)
        if old is None and call.resource.plural in updates.MAY_CREATE and not call.subresource:
            return self.create(call, body)
        return self._replace(call, self.get(call), body)

    def patch(self, call: Call, body: Any, media_type: str) -> Object:
        """Any of the three kinds of patches."""
        old = self.get(call)
        try:
            new = _patched(call, old, body, media_type)
        except ValueError as error:
            if media_type == PatchType.JSON.value:
                raise Refused(
                    422, "Invalid", f"the server rejected our request due to an error in our request: {error}"
                ) from None
            raise bad_request(str(error)) from None
        return self._replace(call, old, new)

    def delete(self, call: Call, options: dict[str, Any]) -> Object:
        """The object as it went or is to go, or a Status."""
        obj = self.get(call)
        node_restriction.restrict(self._store, call, obj, None)
        deletion.check_preconditions(call, obj, options)
        before = copy.deepcopy(obj)
        if deletion.mark(call, obj, options, self._clock()):
            gone = self._store.remove(call.resource, obj)
            return gone if call.resource.plural in _ANSWERED_WITH else _success(call, gone)
        return obj if obj == before else self._store.put(call.resource, obj)

    def _replace(self, call: Call, old: Object, new: Object) -> Object:
        result = updates.updated(call, old, new)
        node_restriction.restrict(self._store, call, old, result)
        if deletion.is_over(result):
            return self._store.remove(call.resource, result)
        return old if result == old else self._store.put(call.resource, result)

    def _check_type(self, call: Call, obj: Object) -> None:
        if not isinstance(obj.get("metadata", {}), dict):
            raise bad_request("metadata is no object")
        resource = call.resource
        obj.setdefault("apiVersion", resource.api_version)
        obj.setdefault("kind", resource.kind)
        if (obj["apiVersion"], obj["kind"]) != (resource.api_version, resource.kind):
            raise bad_request(
                f"the API version in the data ({obj['apiVersion']}) does not match the expected API version "
                f"({resource.api_version})"
            )


def _patched(call: Call, old: Object, body: Any, media_type: str) -> Object:
    assert call.kind is not None
    match media_type:
        case PatchType.JSON.value:
            new = json_patch(old, body)
        case PatchType.MERGE.value:
            new = merge_patch(old, body)
        case PatchType.STRATEGIC.value if not call.kind.is_custom:
            new = strategic_merge(call.resource.kind, old, body)
        case _:
            raise unsupported_media_type(f"{PatchType.JSON.value}, {PatchType.MERGE.value}")
    if not isinstance(new, dict) or not isinstance(new.get("metadata"), dict):
        raise ValueError(f"the patch leaves no object: {json.dumps(new)[:100]}")
    return new


def _success(call: Call, obj: Object) -> Object:
    metadata = obj["metadata"]
    details = {"name": metadata["name"], "kind": call.resource.plural, "uid": metadata["uid"]}
    if call.resource.group:
        details["group"] = call.resource.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
