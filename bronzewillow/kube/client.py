"""The verbs of the Kubernetes API on plain JSON objects. All errors are `KubeError`s."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

import aiohttp

from bronzewillow.kube.access import Access, Presented
from bronzewillow.kube.answers import (
    check_identity,
    read_events,
    read_object,
    read_pieces,
    read_refusal,
    unreachable,
)
from bronzewillow.kube.errors import Unauthorized
from bronzewillow.kube.pools import Pool
from bronzewillow.kube.resources import Object, Resource, name_of

_CONNECT_S = 10.0


class PatchType(Enum):
    """How a patch is meant, by its media type."""

    STRATEGIC = "application/strategic-merge-patch+json"
    """Lists of objects merge by their keys, conditions by `type`. Kinds of CRDs have none of this."""
    MERGE = "application/merge-patch+json"
    """RFC 7396: what is given replaces, null removes."""
    JSON = "application/json-patch+json"
    """RFC 6902: a list of operations."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind."""

    namespace: str = ""
    """Empty for all."""
    fields: str = ""
    """A field selector such as `spec.nodeName=mac-1`."""
    labels: str = ""
    """A label selector such as `app=llm`."""

    def query(self) -> dict[str, str]:
        """As the API server takes it."""
        selectors = {"fieldSelector": self.fields, "labelSelector": self.labels}
        return {name: value for name, value in selectors.items() if value}


class KubeClient:
    """One API server, one identity. Used as a context, or closed by `close`."""

    def __init__(self, access: Access, *, timeout_s: float = 30.0, user_agent: str = "bronzewillow") -> None:
        """`timeout_s`: of one request, watches excepted. Nothing is sent before the first request."""
        self._access = access
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=_CONNECT_S)
        self._headers = {"User-Agent": user_agent, "Accept": "application/json"}
        self._pool: Pool | None = None
        self._retiring: set[Pool] = set()
        self._hurried = asyncio.Event()

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return self._access.cluster.server

    async def __aenter__(self) -> KubeClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End all connections, and with them the requests that are under way."""
        pools = {*self._retiring, *([self._pool] if self._pool else [])}
        self._pool = None
        self._retiring.clear()
        for pool in pools:
            await pool.close()

    async def reconnect(self) -> None:
        """After a certificate was renewed, or on another network: new requests go over new connections, and
        watches end."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await self._retire(pool)
        self.hurry()

    def hurry(self) -> None:
        """It answers, or it may: who pauses before another try tries now."""
        hurried, self._hurried = self._hurried, asyncio.Event()
        hurried.set()

    async def pause(self, seconds: float) -> None:
        """Sleep before another try, or until `hurry` says that it is worth one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurried.wait()

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Object:
        """One object; NotFound, or another KubeError."""
        return await self.request("GET", resource.path(namespace, name))

    async def list(
        self,
        resource: Resource,
        selection: Selection | None = None,
        *,
        limit: int = 0,
        token: str = "",
        resource_version: str = "",
    ) -> Object:
        """One page of a list: `metadata.resourceVersion`, `metadata.continue`, `items`; all for limit 0."""
        selection = selection or Selection()
        query = selection.query() | {
            name: value
            for name, value in {
                "limit": str(limit) if limit else "",
                "continue": token,
                "resourceVersion": resource_version,
            }.items()
            if value
        }
        path = resource.path(selection.namespace)
        page = await self.request("GET", path, query=query)
        for item in page.get("items") or []:  # only lists as a whole say what they are lists of
            check_identity(item, path)
            item.setdefault("apiVersion", resource.api_version)
            item.setdefault("kind", resource.kind)
        return page

    async def create(self, resource: Resource, obj: Object) -> Object:
        """As it is then, with its uid. AlreadyExists."""
        namespace = obj.get("metadata", {}).get("namespace", "")
        return await self.request("POST", resource.path(namespace), body=obj)

    async def create_subresource(
        self, resource: Resource, name: str, subresource: str, obj: Object, namespace: str = ""
    ) -> Object:
        """Such as `token` of a service account, `eviction` or `binding` of a pod."""
        return await self.request("POST", resource.path(namespace, name, subresource), body=obj)

    async def replace(self, resource: Resource, obj: Object, subresource: str = "") -> Object:
        """Put the whole object; Conflict when it has changed since its resourceVersion."""
        namespace, name = name_of(obj)
        return await self.request("PUT", resource.path(namespace, name, subresource), body=obj)

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: object,
        namespace: str = "",
        *,
        subresource: str = "",
        type: PatchType = PatchType.STRATEGIC,
    ) -> Object:
        """Change parts. With `metadata.uid` in the patch a namesake gives Conflict."""
        path = resource.path(namespace, name, subresource)
        return await self.request("PATCH", path, body=patch, content_type=type.value)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        grace_period_s: int | None = None,
        uid: str = "",
        resource_version: str = "",
    ) -> Object:
        """The object, or a Status. With a `uid` or a `resource_version` another one gives Conflict."""
        preconditions = {
            key: value for key, value in {"uid": uid, "resourceVersion": resource_version}.items() if value
        }
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if grace_period_s is not None:
            options["gracePeriodSeconds"] = grace_period_s
        if preconditions:
            options["preconditions"] = preconditions
        return await self.request("DELETE", resource.path(namespace, name), body=options)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
    ) -> Object:
        """Anything else, such as `GET /version`; the answer is an object."""
        data = None if body is None else json.dumps(body).encode()
        headers = {} if data is None else {"Content-Type": content_type}
        where = f"{method} {path}"
        async with self._answer(
            method, path, query=query, data=data, headers=headers, timeout=self._timeout
        ) as (answer, _):
            with unreachable(f"{self.server}: {where}"):
                return await read_object(answer, where)

    @asynccontextmanager
    async def watch(
        self,
        resource: Resource,
        selection: Selection | None = None,
        *,
        resource_version: str,
        timeout_s: int,
        silence_s: float = 180.0,
    ) -> AsyncIterator[AsyncIterator[tuple[str, Object]]]:
        """Events (`ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`) with their objects, until the server ends it
        after `timeout_s`. Expired when `resource_version` is too old, in whichever form the server says so;
        Unreachable after `silence_s` without a byte.
        """
        selection = selection or Selection()
        query = selection.query() | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_s),
        }
        path = resource.path(selection.namespace)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=silence_s)
        async with self._answer("GET", path, query=query, headers={}, timeout=timeout, is_watch=True) as (
            answer,
            pool,
        ):
            yield read_events(answer, f"{self.server}: watch {path}", lambda: pool.is_retired)

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str] | None = None, silence_s: float | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """GET something that is no JSON, such as a pod's log, in pieces as they come."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=silence_s)
        async with self._answer(
            "GET", path, query=query, headers={"Accept": "*/*"}, timeout=timeout, is_watch=True
        ) as (answer, _):
            yield read_pieces(answer, f"{self.server}: GET {path}")

    @asynccontextmanager
    async def _answer(
        self, method: str, path: str, *, headers: Mapping[str, str], query: Any, **options: Any
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, Pool]]:
        """The answer, if it is a good one. Once more after a 401, if our identity can be refreshed."""
        where = f"{method} {path}"
        for is_last in (False, True):
            presented = await self._access.identity.present()
            pool = await self._pool_for(presented)
            shown = {"Authorization": f"Bearer {presented.token}"} if presented.token else {}
            async with AsyncExitStack() as stack:
                with unreachable(f"{self.server}: {where}"):
                    answer = await stack.enter_async_context(
                        pool.request(
                            method,
                            self.server + path,
                            params=query or {},
                            headers={**self._headers, **headers, **shown},
                            **options,
                        )
                    )
                    refusal = None if answer.status < 300 else await read_refusal(answer, where)
                if refusal is None:
                    yield answer, pool
                    return
            if is_last or not isinstance(refusal, Unauthorized) or not self._access.identity.forget():
                raise refusal

    async def _pool_for(self, presented: Presented) -> Pool:
        """The pool whose connections show this certificate; tokens go with each request."""
        pool = self._pool
        if pool is not None:
            shown = (pool.presented.certificate_pem, pool.presented.key_pem)
            if shown == (presented.certificate_pem, presented.key_pem):
                return pool
        self._pool = Pool(self._access.cluster, presented)
        new = self._pool
        if pool is not None:
            await self._retire(pool)
        return new

    async def _retire(self, pool: Pool) -> None:
        self._retiring = {old for old in self._retiring if not old.is_closed}
        self._retiring.add(pool)
        await pool.retire()
