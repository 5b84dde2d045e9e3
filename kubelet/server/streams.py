"""Exec, attach and port-forward: the runtime says where, and the connection is passed on to it byte for byte.

SPDY and WebSockets are spoken by the runtime's streaming server alone. What goes there are the request's own
headers, less those that say who asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from aiohttp import web

from bronzewillow.host.splice import CLIENT, UPSTREAM, Splice
from kubelet.server.callers import caller_of
from kubelet.server.errors import RequestError
from kubelet.server.lookups import find_pod, find_running_container, find_sandbox
from kubelet.server.surroundings import Pods, Runtime
from runtime.api import cri_pb2 as api

_IDLE_LIMIT_S = 4 * 3600.0
_DIAL_LIMIT_S = 30.0
_MOST_PORTS = 128
_LONGEST_COMMAND = 4096
_RUN_LIMIT_S = 3600
_NOT_PASSED_ON = frozenset({b"authorization", b"host", b"x-forwarded-for", b"x-forwarded-uri"})
_TRUE = ("1", "true", "True")
_log = logging.getLogger(__name__)


class Streams:
    """The handlers of exec, attach and port-forward."""

    def __init__(self, pods: Pods, runtime: Runtime) -> None:
        self._pods = pods
        self._runtime = runtime
        self.open: set[Splice] = set()

    async def exec(self, request: web.Request) -> web.StreamResponse:
        """Run a program beside a container. RequestError, RuntimeRefusal."""
        _check_upgrade(request)
        container = await self._container(request)
        stdin, stdout, stderr, tty = _wanted(request)
        url = await self._runtime.exec(
            api.ExecRequest(
                container_id=container.id,
                cmd=_command(request),
                tty=tty,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
            )
        )
        return await self._pass_on(request, url)

    async def attach(self, request: web.Request) -> web.StreamResponse:
        """Hear what a container says. RequestError, RuntimeRefusal."""
        _check_upgrade(request)
        container = await self._container(request)
        stdin, stdout, stderr, tty = _wanted(request)
        url = await self._runtime.attach(
            api.AttachRequest(container_id=container.id, stdin=stdin, tty=tty, stdout=stdout, stderr=stderr)
        )
        return await self._pass_on(request, url)

    async def port_forward(self, request: web.Request) -> web.StreamResponse:
        """Reach the ports of a pod. RequestError, RuntimeRefusal."""
        _check_upgrade(request)
        pod = self._pod(request)
        ports = _ports(request)
        sandbox = await find_sandbox(self._runtime, pod)
        url = await self._runtime.port_forward(api.PortForwardRequest(pod_sandbox_id=sandbox, port=ports))
        return await self._pass_on(request, url)

    async def run(self, request: web.Request) -> web.StreamResponse:
        """POST /run: a command's whole output in one answer, as old clients want it."""
        container = await self._container(request)
        command = request.query.get("cmd", "").split(" ")
        if command == [""]:
            raise RequestError(400, "cmd: is missing")
        _check_words(command)
        answer = await self._runtime.exec_sync(container.id, command, _RUN_LIMIT_S)
        status = 200 if answer.exit_code == 0 else 500
        return web.Response(status=status, body=answer.stdout + answer.stderr, content_type="text/plain")

    def close(self) -> None:
        """End all that are open."""
        for splice in list(self.open):
            splice.abort()

    def _pod(self, request: web.Request) -> Any:
        names = request.match_info
        return find_pod(self._pods, names["namespace"], names["pod"], names.get("uid", ""))

    async def _container(self, request: web.Request) -> api.Container:
        return await find_running_container(
            self._runtime, self._pod(request), request.match_info["container"]
        )

    async def _pass_on(self, request: web.Request, url: str) -> web.StreamResponse:
        """Join the client's connection to the runtime's; what is said from now on is theirs."""
        place = urlsplit(url)
        host, port = place.hostname or "", place.port or 0
        splice = Splice(idle_timeout_s=_IDLE_LIMIT_S)
        try:
            async with asyncio.timeout(_DIAL_LIMIT_S):
                transport, _ = await asyncio.get_running_loop().create_connection(
                    lambda: splice.sides[UPSTREAM], host, port
                )
        except (OSError, TimeoutError):
            raise RequestError(502, "the runtime's streaming server does not answer") from None
        transport.write(_head(request, place.path + (f"?{place.query}" if place.query else ""), place.netloc))
        caller, early = caller_of(request), _early_words(request)
        self.open.add(splice)
        side = splice.sides[CLIENT]
        caller.hand_over(side)
        if early:
            side.data_received(early)
        try:
            await asyncio.shield(splice.finished)
        except asyncio.CancelledError:
            splice.abort()
            raise
        finally:
            self.open.discard(splice)
        return _Passed()


class _Passed(web.StreamResponse):
    """The answer has been given by somebody else: nothing is written for it."""

    async def prepare(self, request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, data: bytes | bytearray | memoryview = b"") -> None:
        return None


class _Tail:
    """Takes what came behind the request, as a parser of aiohttp's server."""

    def __init__(self) -> None:
        self.data = bytearray()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        return None

    def set_upgraded(self, value: bool) -> None:
        return None


def _check_upgrade(request: web.Request) -> None:
    """Before the runtime is asked for a way, which it would keep open for a while. RequestError."""
    if "upgrade" not in request.headers.get("Connection", "").lower():
        raise RequestError(400, "unable to upgrade: this is a stream, by SPDY/3.1 or WebSocket")
    if request.body_exists:
        raise RequestError(400, "a request for a stream has no body")


def _early_words(request: web.Request) -> bytes:
    """What a client has said before it was answered: aiohttp keeps it, and reads no more after this."""
    tail = _Tail()
    request.protocol.set_parser(cast(Any, tail))
    request.protocol.keep_alive(False)
    return bytes(tail.data)


def _head(request: web.Request, target: str, host: str) -> bytes:
    lines = [f"{request.method} {target} HTTP/1.1".encode(), b"Host: " + host.encode()]
    lines += [
        name + b": " + value for name, value in request.raw_headers if name.lower() not in _NOT_PASSED_ON
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _wanted(request: web.Request) -> tuple[bool, bool, bool, bool]:
    """Standard input, output, error output, terminal. A terminal has one output."""
    query = request.query

    def asked(*names: str) -> bool:
        return any(query.get(name) in _TRUE for name in names)

    tty = asked("tty")
    found = asked("input", "stdin"), asked("output", "stdout"), asked("error", "stderr") and not tty
    if not any(found):
        raise RequestError(400, "you must specify at least 1 of stdin, stdout, stderr")
    return *found, tty


def _command(request: web.Request) -> list[str]:
    command = request.query.getall("command", [])
    if not command:
        raise RequestError(400, "command: is missing")
    if len(command) > _LONGEST_COMMAND:
        raise RequestError(400, f"command: has more than {_LONGEST_COMMAND} words")
    _check_words(command)
    return command


def _check_words(command: Sequence[str]) -> None:
    """What no process can be given. RequestError."""
    if any("\0" in word or not _is_text(word) for word in command):
        raise RequestError(400, "command: has a NUL, or is no UTF-8")


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _ports(request: web.Request) -> list[int]:
    """Those that a WebSocket's channels are for; SPDY names them later."""
    found = []
    for text in ",".join(request.query.getall("port", [])).split(","):
        if text and not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):
            raise RequestError(400, f"port: {text[:20]!r} is no port")
        if text:
            found.append(int(text))
    if len(found) > _MOST_PORTS:
        raise RequestError(400, f"port: more than {_MOST_PORTS} at once")
    return found
