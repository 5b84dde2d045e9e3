"""The way from the API server to a node's own API: logs, exec, attach, port-forward, and `nodes/proxy`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from multidict import MultiMapping

from bronzewillow.kube.resources import NODES, PODS, Object
from bronzewillow.testing.apiserver.calls import Call
from bronzewillow.testing.apiserver.refusals import Refused, bad_request, not_found
from bronzewillow.testing.apiserver.store import Store

_LOG_OPTIONS = [
    "follow",
    "previous",
    "sinceSeconds",
    "sinceTime",
    "timestamps",
    "tailLines",
    "limitBytes",
    "stream",
]
_STREAMS = {"stdin": "input", "stdout": "output", "stderr": "error", "tty": "tty"}
_ADDRESS_TYPES = ("InternalIP", "ExternalIP", "Hostname")
_PIECE_BYTES = 65536
_DIAL_S = 10.0


class NodeProxy:
    """Shows the certificate of `kube-apiserver-kubelet-client`."""

    def __init__(self, store: Store, context: ssl.SSLContext) -> None:
        self._store, self._context = store, context

    async def logs(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        """`pods/log`."""
        pod = self._pod(call)
        container = _container(pod, request.query.get("container", ""))
        if not pod["spec"].get("nodeName"):
            return web.Response(text="")
        options = [(name, request.query[name]) for name in _LOG_OPTIONS if name in request.query]
        path = f"/containerLogs/{call.namespace}/{call.name}/{container}"
        return await self._relay(request, self._url(pod, path, options), method="GET", checks=True)

    async def proxy(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        """`nodes/proxy`."""
        node = self._store.get(NODES, "", call.name)
        if node is None:
            raise not_found(NODES, call.name)
        host, port = _endpoint(node)
        query = f"?{request.query_string}" if request.query_string else ""
        url = f"https://{host}:{port}/{call.rest}{query}"
        return await self._relay(request, url, method=request.method, checks=False)

    async def _relay(
        self, request: web.BaseRequest, url: str, *, method: str, checks: bool
    ) -> web.StreamResponse:
        body = await request.read() or None
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_DIAL_S)
        try:
            async with (
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._context)) as session,
                session.request(method, url, data=body, timeout=timeout) as found,
            ):
                if checks and found.status >= 400:
                    raise _complaint(found.status, await found.text())
                response = web.StreamResponse(
                    status=found.status, headers={"Content-Type": found.headers.get("Content-Type", "")}
                )
                await response.prepare(request)
                with suppress(ConnectionError):
                    async for piece in found.content.iter_any():
                        await response.write(piece)
                return response
        except aiohttp.ClientConnectorError as error:
            raise _unreachable(method, url, error) from None

    async def upgrade(
        self,
        call: Call,
        query: MultiMapping[str],
        method: str,
        headers: Mapping[str, str],
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """exec, attach, port-forward: the node's answer, and from then on bytes both ways. Refused."""
        url = self._streaming_url(call, query)
        host, port, target = url
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}:{port}"]
        lines += [f"{name}: {value}" for name, value in headers.items() if _goes_on(name)]
        async with self._dialled(host, port) as (reader, writer):
            writer.write("\r\n".join([*lines, "", ""]).encode())
            pipes = [
                asyncio.ensure_future(_pipe(client[0], writer)),  # noqa: TID251
                asyncio.ensure_future(_pipe(reader, client[1])),  # noqa: TID251
            ]
            try:
                await pipes[1]
            finally:
                for pipe in pipes:
                    pipe.cancel()
                await asyncio.gather(*pipes, return_exceptions=True)

    def _streaming_url(self, call: Call, query: MultiMapping[str]) -> tuple[str, int, str]:
        pod = self._pod(call)
        node = self._node(pod)
        if call.subresource == "portforward":
            path = f"/portForward/{call.namespace}/{call.name}"
            options = [("port", port) for value in query.getall("ports", []) for port in value.split(",")]
        else:
            container = _container(pod, query.get("container", ""))
            path = f"/{call.subresource}/{call.namespace}/{call.name}/{container}"
            options = [(new, "1") for old, new in _STREAMS.items() if query.get(old) in ("1", "true")]
            if not {"input", "output", "error"} & {name for name, _ in options}:
                raise bad_request("you must specify at least one of stdin, stdout, stderr")
            options += [("command", word) for word in query.getall("command", [])]
        host, port = _endpoint(node)
        return host, port, f"{path}?{urlencode(options)}" if options else path

    @asynccontextmanager
    async def _dialled(
        self, host: str, port: int
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        try:
            async with asyncio.timeout(_DIAL_S):
                reader, writer = await asyncio.open_connection(host, port, ssl=self._context)
        except (OSError, TimeoutError) as error:
            raise _unreachable("POST", f"https://{host}:{port}", error) from None
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError, ssl.SSLError):
                await writer.wait_closed()

    def _pod(self, call: Call) -> Object:
        pod = self._store.get(PODS, call.namespace, call.name)
        if pod is None:
            raise not_found(PODS, call.name)
        return pod

    def _node(self, pod: Object) -> Object:
        name = pod["spec"].get("nodeName", "")
        if not name:
            raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
        node = self._store.get(NODES, "", name)
        if node is None:
            raise not_found(NODES, name)
        return node

    def _url(self, pod: Object, path: str, options: list[tuple[str, str]]) -> str:
        host, port = _endpoint(self._node(pod))
        return f"https://{host}:{port}{path}" + (f"?{urlencode(options)}" if options else "")


def _container(pod: Object, asked: str) -> str:
    names = [c["name"] for c in [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]]]
    name = pod["metadata"]["name"]
    if not asked:
        if len(names) == 1:
            return str(names[0])
        raise bad_request(
            f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
        )
    if asked not in names:
        raise bad_request(f"container {asked} is not valid for pod {name}")
    return asked


def _endpoint(node: Object) -> tuple[str, int]:
    status = node.get("status") or {}
    by_type = {address["type"]: address["address"] for address in status.get("addresses") or []}
    host = next((by_type[kind] for kind in _ADDRESS_TYPES if kind in by_type), None)
    if host is None:
        name = node["metadata"]["name"]
        raise Refused(500, "InternalError", f"no preferred addresses found; known addresses of {name}: []")
    port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port", 10250)
    return host, port


def _complaint(code: int, text: str) -> Refused:
    text = text.strip()
    if code == 400:
        return bad_request(text)
    reason = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound"}.get(code, "InternalError")
    return Refused(code, reason, text or f"the server responded with the status code {code}")


def _unreachable(method: str, url: str, error: Exception) -> Refused:
    return Refused(500, "InternalError", f'{method.capitalize()} "{url}": {error}')


def _goes_on(name: str) -> bool:
    """Who the client is ends here."""
    return name.lower() not in ("host", "authorization", "content-length")


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while piece := await reader.read(_PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
