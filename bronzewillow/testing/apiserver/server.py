"""The server: requests over HTTPS, authenticated, authorized, and answered from the store."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

from aiohttp import web
from yarl import URL

from bronzewillow.host.cutting import cut
from bronzewillow.kube.access import Access, Cluster, Presented
from bronzewillow.kube.client import PatchType
from bronzewillow.kube.identity import HeldIdentity
from bronzewillow.kube.resources import CONFIG_MAPS, CUSTOM_RESOURCE_DEFINITIONS, Object, Resource
from bronzewillow.kube.tls import client_context, load_pair
from bronzewillow.testing.apiserver import bootstrap, seed
from bronzewillow.testing.apiserver.authentication import authenticate
from bronzewillow.testing.apiserver.authority import Authority, Subject
from bronzewillow.testing.apiserver.authorization import Authorizer
from bronzewillow.testing.apiserver.calls import Call, User, parse_call
from bronzewillow.testing.apiserver.controllers import Controllers
from bronzewillow.testing.apiserver.faults import Faults
from bronzewillow.testing.apiserver.front import Front, Upgrade
from bronzewillow.testing.apiserver.kinds import REVIEWS, Kinds
from bronzewillow.testing.apiserver.lists import Lists
from bronzewillow.testing.apiserver.node_proxy import NodeProxy
from bronzewillow.testing.apiserver.objects import Objects
from bronzewillow.testing.apiserver.refusals import (
    NoSuchGroup,
    Refused,
    bad_request,
    method_not_allowed,
    no_such_path,
    unsupported_media_type,
)
from bronzewillow.testing.apiserver.reviews import Reviews
from bronzewillow.testing.apiserver.store import Store
from bronzewillow.testing.apiserver.tokens import Tokens
from bronzewillow.testing.apiserver.watching import Watches
from bronzewillow.testing.ports import free_tcp_port

_log = logging.getLogger(__name__)
_ADMIN = User("kubernetes-admin", ("system:masters", "system:authenticated"))
_UPGRADES = {"exec", "attach", "portforward"}
_STREAMED = {"log", "proxy"}
_SUBRESOURCES = {"status", "approval", "token", "binding", "eviction", "scale", "finalize"}


class ApiServer:
    """A control plane in one process. Made by `api_server`.

    `store`, `controllers` and `faults` are there for tests to look at and to write to.
    """

    def __init__(self, clock: Callable[[], datetime], bookmark_s: float) -> None:
        self.authority = Authority()
        self.store, self.kinds, self.faults = Store(), Kinds(), Faults()
        self.tokens = Tokens(self.store, clock)
        self._authorizer = Authorizer(self.store)
        self.controllers = Controllers(self.store, self.authority, self._authorizer, clock)
        self.objects = Objects(self.store, clock)
        self.reviews = Reviews(self.store, self.kinds, self.objects, self.tokens, self._authorizer)
        self._lists = Lists(self.store)
        self._bookmark_s = bookmark_s
        self._watches = Watches(self.store, self.faults, bookmark_s)
        self._server: asyncio.Server | None = None
        self._http: web.Server | None = None
        self._transports: WeakSet[asyncio.Transport] = WeakSet()
        self.audit: list[tuple[str, str, str, int]] = []
        """(user, verb, path, code) of all requests."""
        self.port = 0
        pair = self.authority.issue(Subject("kube-apiserver-kubelet-client", ("system:masters",)))
        context = client_context(
            Cluster("", self.authority.ca_pem, insecure=True), Presented(pair.certificate_pem, pair.key_pem)
        )
        self._nodes = NodeProxy(self.store, context)

    @property
    def cluster(self) -> Cluster:
        """How to reach it."""
        return Cluster(f"https://127.0.0.1:{self.port}", self.authority.ca_pem)

    def admin(self) -> Access:
        """Somebody who may do everything."""
        self.tokens.given["admin-token"] = _ADMIN
        return Access(self.cluster, HeldIdentity(Presented(token="admin-token")))

    def certified(self, name: str, *groups: str) -> Access:
        """Somebody with a client certificate."""
        pair = self.authority.issue(Subject(name, groups))
        return Access(self.cluster, HeldIdentity(Presented(pair.certificate_pem, pair.key_pem)))

    def make(self, resource: Resource, obj: Object) -> Object:
        """Create an object as the administrator, without HTTP."""
        metadata = obj["metadata"]
        path = resource.path(metadata.get("namespace", ""))
        made = self.objects.create(parse_call(self.kinds, _ADMIN, "POST", path, {}), obj)
        self._settle()
        return made

    async def start(self) -> None:
        """Listen; on the same port again after `stop`."""
        self._watches = Watches(self.store, self.faults, self._bookmark_s)
        pair = self.authority.issue(
            Subject("kube-apiserver", names=("localhost",), addresses=("127.0.0.1",)), server=True
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=self.authority.ca_pem.decode())
        load_pair(context, pair.certificate_pem, pair.key_pem)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.set_alpn_protocols(["http/1.1"])
        port = self.port or free_tcp_port()  # none that somebody may be given while we are away
        http = self._http = web.Server(self._serve, handler_cancellation=True, access_log=None)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Front(http, self._on_upgrade, self._transports), "127.0.0.1", port, ssl=context
        )
        first, self.port = not self.port, port
        if first:
            for resource, obj in seed.at_start(self.authority.ca_pem):
                self.make(resource, obj)
            self.make(CONFIG_MAPS, bootstrap.cluster_info(self.cluster.server, self.authority.ca_pem))

    async def stop(self) -> None:
        """Everything that is connected is cut off."""
        self._watches.close()
        if self._server is not None:
            self._server.close()
        for transport in [*self._transports]:
            cut(transport)
        if self._http is not None:
            await self._http.shutdown(timeout=0)
        self._transports.clear()

    async def restart(self, *, forgets: bool = True) -> None:
        """Stop and start; what watches can go on from is forgotten."""
        await self.stop()
        if forgets:
            self.expire()
        await self.start()

    def expire(self) -> None:
        """All older watches and continue tokens are too old from now on."""
        self.store.compact()
        self._lists.forget()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        user, verb = "", request.method
        try:
            await self.faults.pass_through(request.method, request.path)
            assert request.transport is not None
            found = authenticate(
                self.tokens,
                request.transport.get_extra_info("peercert"),
                request.headers.get("Authorization", ""),
            )
            user = found.name
            call = parse_call(self.kinds, found, request.method, request.rel_url.raw_path, request.query)
            verb = call.verb
            self._authorizer.check(call)
            response = await self._answer(request, call)
        except NoSuchGroup:
            response = web.Response(status=404, text="404 page not found\n")
        except Refused as refused:
            headers = {}
            if wait_s := refused.details.get("retryAfterSeconds"):
                headers["Retry-After"] = str(wait_s)
            response = web.json_response(refused.status(), status=refused.code, headers=headers)
        self.audit.append((user, verb, request.path_qs, response.status))
        return response

    async def _answer(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        if call.kind is None:
            return self._about(call)
        if call.subresource in _STREAMED:
            relay = self._nodes.logs if call.subresource == "log" else self._nodes.proxy
            return await relay(request, call)
        if call.subresource and call.subresource not in _SUBRESOURCES:
            raise no_such_path()
        match call.verb:
            case "watch":
                return await self._watches.serve(request, call)
            case "list":
                return web.json_response(self._lists.page(call))
            case "get":
                return web.json_response(self.objects.get(call))
        body = await _body(request, call)
        answer, code = self._write(request, call, body)
        self._settle()
        return web.json_response(answer, status=code)

    def _write(self, request: web.BaseRequest, call: Call, body: Any) -> tuple[Object, int]:
        match call.verb:
            case "create" if call.subresource:
                return self.reviews.subresource(call, body), 201
            case "create" if call.resource in REVIEWS:
                return self.reviews.answer(call, body), 201
            case "create":
                return self.objects.create(call, body), 201
            case "update":
                return self.objects.update(call, body), 200
            case "patch":
                return self.objects.patch(call, body, request.content_type), 200
            case "delete":
                return self.objects.delete(call, body or {}), 200
        raise method_not_allowed(call.resource)

    def _about(self, call: Call) -> web.Response:
        parts = call.path.strip("/").split("/")
        match parts:
            case ["version"]:
                version = {"major": "1", "minor": "36", "gitVersion": "v1.36.0", "platform": "python/double"}
                return web.json_response(version)
            case ["healthz" | "livez" | "readyz"]:
                return web.Response(text="ok")
            case ["api"]:
                return web.json_response({"kind": "APIVersions", "versions": ["v1"]})
            case ["api", version]:
                return web.json_response(self.kinds.discovery("", version))
            case ["apis"]:
                return web.json_response(self.kinds.groups())
            case ["apis", group, version]:
                return web.json_response(self.kinds.discovery(group, version))
        raise no_such_path()

    def _settle(self) -> None:
        self.kinds.learn(self.store.list(CUSTOM_RESOURCE_DEFINITIONS))
        self.controllers.settle()

    async def _on_upgrade(self, upgrade: Upgrade) -> None:
        url = URL(upgrade.target, encoded=True)
        try:
            await self.faults.pass_through(upgrade.method, url.path)
            user = authenticate(self.tokens, upgrade.certificate, upgrade.headers.get("Authorization", ""))
            path = urlsplit(upgrade.target).path
            call = parse_call(self.kinds, user, "POST", path, {})
            if call.kind is None or call.subresource not in _UPGRADES:
                raise bad_request("Upgrade request required")
            self._authorizer.check(call)
            streams = (upgrade.reader, upgrade.writer)
            await self._nodes.upgrade(call, url.query, upgrade.method, upgrade.headers, streams)
        except Refused as refused:
            text = json.dumps(refused.status())
            head = f"HTTP/1.1 {refused.code} {refused.reason}\r\nContent-Type: application/json\r\n"
            head += f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
            upgrade.writer.write((head + text).encode())


async def _body(request: web.BaseRequest, call: Call) -> Any:
    data = await request.read()
    if not data:
        return None if call.verb != "delete" else {}
    accepted = {"application/json", "application/yaml", *(kind.value for kind in PatchType)}
    if request.content_type not in accepted:
        raise unsupported_media_type("application/json, application/yaml")
    try:
        body = json.loads(data)
    except ValueError as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from None
    if not isinstance(body, dict) and request.content_type != PatchType.JSON.value:
        raise bad_request("the body is no object")
    return body


@asynccontextmanager
async def api_server(
    *, clock: Callable[[], datetime] = lambda: datetime.now(UTC), bookmark_s: float = 60.0
) -> AsyncIterator[ApiServer]:
    """A running one, on a free port of 127.0.0.1."""
    server = ApiServer(clock, bookmark_s)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
