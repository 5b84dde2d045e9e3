"""Watches: the events of a selection as JSON lines, bookmarks, and an end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import suppress

from aiohttp import web

from bronzewillow.kube.resources import Object
from bronzewillow.testing.apiserver.calls import Call
from bronzewillow.testing.apiserver.faults import Faults
from bronzewillow.testing.apiserver.lists import seen, selection
from bronzewillow.testing.apiserver.refusals import Refused, bad_request
from bronzewillow.testing.apiserver.store import Store

_USUAL_TIMEOUT_S = 1800


class Watches:
    """All watches of a server."""

    def __init__(self, store: Store, faults: Faults, bookmark_s: float) -> None:
        self._store, self._faults, self._bookmark_s = store, faults, bookmark_s
        self._wakers: set[asyncio.Event] = set()
        self._closed = False
        store.on_change.append(self._wake)

    def close(self) -> None:
        """All end; new ones too."""
        self._closed = True
        self._wake()

    async def serve(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        """Until its time-out."""
        events = self._events(call)
        try:
            first = await anext(events, None)
        except Refused as refused:
            if self._faults.expires_by_code or refused.code != 410:
                raise
            first = {"type": "ERROR", "object": refused.status()}
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        with suppress(ConnectionError):
            while first is not None:
                await self._faults.connected()
                if first:
                    await response.write(json.dumps(first).encode() + b"\n")
                try:
                    first = await anext(events, None)
                except Refused as refused:
                    await response.write(_error(refused))
                    break
        await events.aclose()
        return response

    async def _events(self, call: Call) -> AsyncGenerator[Object, None]:
        """Events; {} at first, when there is none yet."""
        matches = selection(call)
        version = self._first_version(call)
        bookmarks = call.query.get("allowWatchBookmarks") in ("1", "true")
        initial = call.query.get("sendInitialEvents") in ("1", "true")
        timeout_s = float(call.query.get("timeoutSeconds") or _USUAL_TIMEOUT_S)
        if version is None:
            version = self._store.version
            for obj in self._store.list(call.resource, call.namespace):
                if matches(obj):
                    yield {"type": "ADDED", "object": obj}
            if initial:
                yield self._bookmark(call, version, {"k8s.io/initial-events-end": "true"})
        self._store.since(version)
        yield {}
        loop = asyncio.get_running_loop()
        end, bookmark_at = loop.time() + timeout_s, loop.time() + self._bookmark_s
        waker = asyncio.Event()
        self._wakers.add(waker)
        try:
            while not self._closed and loop.time() < end:
                waker.clear()
                events, version = self._store.since(version), self._store.version
                for event in events:
                    if (found := seen(event, call, matches)) is not None:
                        yield found
                if bookmarks and loop.time() >= bookmark_at:
                    bookmark_at = loop.time() + self._bookmark_s
                    yield self._bookmark(call, version)
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(min(end, bookmark_at) if bookmarks else end):
                        await waker.wait()
            if bookmarks and not self._closed:
                yield self._bookmark(call, version)
        finally:
            self._wakers.discard(waker)

    def _first_version(self, call: Call) -> int | None:
        """Where to begin; None for what there is now."""
        asked = call.query.get("resourceVersion", "")
        if call.query.get("sendInitialEvents") in ("1", "true"):
            if call.query.get("resourceVersionMatch") != "NotOlderThan":
                raise bad_request("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
            return None
        if asked in ("", "0"):
            return None
        if not asked.isdecimal():
            raise bad_request(f'resourceVersion: Invalid value: "{asked}"')
        return int(asked)

    def _bookmark(self, call: Call, version: int, annotations: dict[str, str] | None = None) -> Object:
        metadata: Object = {"resourceVersion": str(version), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        resource = call.resource
        about = {"kind": resource.kind, "apiVersion": resource.api_version}
        return {"type": "BOOKMARK", "object": {**about, "metadata": metadata}}

    def _wake(self) -> None:
        for waker in self._wakers:
            waker.set()


def _error(refused: Refused) -> bytes:
    return json.dumps({"type": "ERROR", "object": refused.status()}).encode() + b"\n"
