"""Lists in pages, and what of the store's events a watch sees."""

from __future__ import annotations

import base64
import json
import secrets

from bronzewillow.kube.resources import Object
from bronzewillow.testing.apiserver.calls import Call
from bronzewillow.testing.apiserver.refusals import Refused, bad_request, expired
from bronzewillow.testing.apiserver.selectors import Match, fields_match, labels_match
from bronzewillow.testing.apiserver.store import Event, Store

_MOST_PAGED_LISTS = 100
_TOKEN_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new "
    "list without the continue parameter, or use the continue token in this response to retrieve the "
    "remainder of the results. Continuing with the provided token results in an inconsistent list - objects "
    "that were created, modified, or deleted between the time the first chunk was returned and now may show "
    "up in the list."
)


def selection(call: Call) -> Match:
    """What the selectors of a request select, in its namespace. Refused."""
    try:
        fields = fields_match(call.resource.kind, call.query.get("fieldSelector", ""))
        labels = labels_match(call.query.get("labelSelector", ""))
    except ValueError as error:
        raise bad_request(str(error)) from None
    namespace, name = call.namespace, call.name

    def matches(obj: Object) -> bool:
        metadata = obj["metadata"]
        here = not namespace or metadata.get("namespace") == namespace
        return here and (not name or metadata["name"] == name) and fields(obj) and labels(obj)

    return matches


class Lists:
    """Keeps what remains of lists that are read in pages."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rest: dict[str, tuple[int, list[Object]]] = {}

    def forget(self) -> None:
        """All tokens expire."""
        self._rest.clear()

    def page(self, call: Call) -> Object:
        """A list object."""
        matches, limit = selection(call), _number(call, "limit")
        if token := call.query.get("continue"):
            if token not in self._rest:
                raise expired(_TOKEN_EXPIRED)
            version, items = self._rest.pop(token)
        else:
            self._check_version(call)
            version = self._store.version
            items = [obj for obj in self._store.list(call.resource, call.namespace) if matches(obj)]
        metadata: Object = {"resourceVersion": str(version)}
        if limit and len(items) > limit and call.query.get("resourceVersion") != "0":
            token = base64.urlsafe_b64encode(
                json.dumps({"v": version, "start": secrets.token_hex(4)}).encode()
            ).decode()
            while len(self._rest) >= _MOST_PAGED_LISTS:
                self._rest.pop(next(iter(self._rest)))
            self._rest[token] = (version, items[limit:])
            metadata["continue"] = token
            if not call.query.get("labelSelector") and not call.query.get("fieldSelector"):
                metadata["remainingItemCount"] = len(items) - limit
            items = items[:limit]
        for item in items:
            item.pop("apiVersion", None)
            item.pop("kind", None)
        resource = call.resource
        return {
            "kind": f"{resource.kind}List",
            "apiVersion": resource.api_version,
            "metadata": metadata,
            "items": items,
        }

    def _check_version(self, call: Call) -> None:
        wanted = _number(call, "resourceVersion")
        if wanted > self._store.version:
            message = f"Too large resource version: {wanted}, current: {self._store.version}"
            cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            raise Refused(504, "Timeout", f"Timeout: {message}", causes=[cause], retryAfterSeconds=1)


def _number(call: Call, name: str) -> int:
    value = call.query.get(name) or "0"
    if not value.isdecimal():
        raise bad_request(f'{name}: Invalid value: "{value}": must be a number')
    return int(value)


def seen(event: Event, call: Call, matches: Match) -> Object | None:
    """An event as this watch has it: who leaves the selection is DELETED, who enters it is ADDED."""
    if event.resource != call.resource:
        return None
    before = event.old is not None and matches(event.old)
    after = event.new is not None and matches(event.new)
    if after:
        return {"type": "MODIFIED" if before else "ADDED", "object": event.new}
    if not before or event.old is None:
        return None
    last = {**event.old, "metadata": {**event.old["metadata"], "resourceVersion": str(event.version)}}
    return {"type": "DELETED", "object": last}
