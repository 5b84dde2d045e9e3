"""One request to a registry: the right endpoint, who we are, other tries, errors in one line."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from bronzewillow.host.parsing import parse_json
from bronzewillow.host.proxies import NoHttpProxy, environment_proxy
from runtime.registry.auth import Authorizer
from runtime.registry.backoff import parse_retry_after
from runtime.registry.challenge import parse_challenges
from runtime.registry.errors import AccessDenied, BadAnswer, NotThere, RegistryError, Unreachable
from runtime.registry.hosts import Endpoint, Hosts
from runtime.registry.patience import Patience

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_ANSWER_LIMIT_S = 30.0
_CONNECT_LIMIT_S = 10.0
_MIRROR_TRIES = 2
_ERROR_BYTES = 64 << 10
_MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_BODY = frozenset({307, 308})
"""The others ask for another request without the body (RFC 9110 15.4), which would be no upload."""
_HOPELESS = (aiohttp.ClientResponseError, aiohttp.NonHttpUrlClientError, NoHttpProxy)
"""No HTTP, or a place where it does not lead: another try would bring the same."""

Body = bytes | AsyncIterator[bytes]
MakeBody = Callable[[], Body]


class Transport:
    """All requests of one client."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        hosts: Hosts,
        authorizer: Authorizer,
        patience: Patience,
    ) -> None:
        self._session, self._hosts, self._authorizer = session, hosts, authorizer
        self.patience = patience
        self._tls: dict[tuple[str, bool], Any] = {}

    @asynccontextmanager
    async def get(
        self,
        registry: str,
        path: str,
        *,
        scope: str,
        capability: str = "pull",
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer of the first endpoint that has one; `path` begins with a slash. RegistryError."""
        endpoints = self._hosts.endpoints(registry, capability)
        if not endpoints:
            raise NotThere(f"registry {registry}: no endpoint of its hosts.toml can {capability}")
        for number, endpoint in enumerate(endpoints, 1):
            is_last = number == len(endpoints)
            tries = self.patience.tries if is_last else min(_MIRROR_TRIES, self.patience.tries)
            try:
                response = await self._answered(
                    method, endpoint, endpoint.api + path, scope, headers, None, tries
                )
            except RegistryError:
                if is_last:
                    raise
                continue
            with contextlib.closing(response):
                yield response
            return

    @asynccontextmanager
    async def send(
        self,
        method: str,
        registry: str,
        target: str,
        *,
        scope: str,
        headers: Mapping[str, str] | None = None,
        body: MakeBody | None = None,
        tries: int | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """To the endpoint that takes pushes; `target` is a path or, from a Location, a URL. RegistryError."""
        endpoint = self.push_endpoint(registry)
        url = target if "://" in target else endpoint.api + target
        response = await self._answered(
            method, endpoint, url, scope, headers, body, tries or self.patience.tries
        )
        with contextlib.closing(response):
            yield response

    def push_endpoint(self, registry: str) -> Endpoint:
        """NotThere when a configuration forbids it."""
        for endpoint in self._hosts.endpoints(registry, "push"):
            return endpoint
        raise NotThere(f"registry {registry}: no endpoint of its hosts.toml can push")

    async def _answered(
        self,
        method: str,
        endpoint: Endpoint,
        url: str,
        scope: str,
        headers: Mapping[str, str] | None,
        body: MakeBody | None,
        tries: int,
    ) -> aiohttp.ClientResponse:
        """A good answer, with its body unread."""
        backoff = self.patience.backoff(tries)
        host = urlsplit(endpoint.url).netloc
        was_refused = False
        while True:
            asked_s, limit_s = 0.0, math.inf
            try:
                # what is sent may take its time
                with self.patience.waiting(host) if body is None else contextlib.nullcontext():
                    response = await self._once(method, endpoint, url, scope, headers, body)
            except _HOPELESS as error:
                raise BadAnswer(f"registry {host}: {_one_line(str(error))}") from None
            except aiohttp.ClientSSLError as error:  # a wrong certificate is a ValueError, too
                raise Unreachable(f"registry {host}: {_reason(error, endpoint)}") from None
            except ValueError as error:  # a URL that a registry made up
                raise BadAnswer(
                    f"registry {host}: names a URL that is none: {_one_line(str(error))}"
                ) from None
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                failure: RegistryError = Unreachable(f"registry {host}: {_reason(error, endpoint)}")
                limit_s = self.patience.limit_s(host, error)
            else:
                self.patience.hear(host)
                if response.status < 300:
                    return response
                with contextlib.closing(response):
                    failure = await _failure(response, host, url)
                if response.status == 401 and not was_refused:
                    was_refused = True
                    self._authorizer.forget(endpoint, scope)
                    challenges = parse_challenges(response.headers.getall("WWW-Authenticate", []))
                    await self._authorizer.answer(endpoint, scope, challenges)
                    continue
                if response.status not in _AGAIN:
                    raise failure
                asked_s = parse_retry_after(response.headers.get("Retry-After"), time.time())
            if not await self.patience.again(backoff, host, failure, asked_s, limit_s):
                raise failure

    async def _once(
        self,
        method: str,
        endpoint: Endpoint,
        url: str,
        scope: str,
        headers: Mapping[str, str] | None,
        body: MakeBody | None,
    ) -> aiohttp.ClientResponse:
        """One answer, behind redirects. What is secret goes to the endpoint itself, wherever they lead."""
        for _ in range(_MOST_REDIRECTS):
            answer = await self._asked(method, endpoint, url, scope, headers, body)
            if answer.status not in _REDIRECTS or (body is not None and answer.status not in _SAME_BODY):
                return answer
            try:
                url = _redirected(answer, endpoint)
            finally:
                if body is None:
                    answer.release()  # its connection serves again
                else:
                    answer.close()  # it may still be sending
        raise BadAnswer(f"registry {urlsplit(endpoint.url).netloc}: redirects without an end")

    async def _asked(
        self,
        method: str,
        endpoint: Endpoint,
        url: str,
        scope: str,
        headers: Mapping[str, str] | None,
        body: MakeBody | None,
    ) -> aiohttp.ClientResponse:
        sent = dict(headers or {})
        is_ours = URL(url).origin() == URL(endpoint.url).origin()
        if is_ours:
            sent = {**endpoint.headers, **sent}
            if authorization := self._authorizer.header(endpoint, scope):
                sent["Authorization"] = authorization
        key = endpoint.url, is_ours
        if key not in self._tls:
            self._tls[key] = endpoint.tls(with_client=is_ours)
        # aiohttp's own limits know nothing of a body that nobody reads, nor of what follows a 100 Continue
        async with asyncio.timeout(_CONNECT_LIMIT_S + _ANSWER_LIMIT_S) as limit:
            place = URL(url, encoded=True)  # a signature may be of these very letters
            return await self._session.request(
                method,
                place,
                headers=sent,
                proxy=await environment_proxy(place),
                data=_watched(body(), limit) if body is not None else None,
                ssl=self._tls[key],
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(None, sock_connect=_CONNECT_LIMIT_S, sock_read=_ANSWER_LIMIT_S),
            )


def _watched(body: Body, limit: asyncio.Timeout) -> Body:
    """The same; as long as it is taken, the answer has time."""

    async def blocks(source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for block in source:
            yield block
            with contextlib.suppress(RuntimeError):  # the answer is there before all of the body is
                limit.reschedule(asyncio.get_running_loop().time() + _ANSWER_LIMIT_S)

    return body if isinstance(body, bytes) else blocks(body)


def _redirected(answer: aiohttp.ClientResponse, endpoint: Endpoint) -> str:
    """Where to; BadAnswer when that is no place for a registry's answer."""
    host = urlsplit(endpoint.url).netloc
    url = join_url(answer, answer.headers.get("Location", ""))
    scheme = urlsplit(url).scheme
    if scheme not in ("https", "http"):
        raise BadAnswer(f"registry {host}: redirects to where HTTP does not lead: {_one_line(url)[:200]}")
    if scheme == "http" and not endpoint.is_plain:
        raise BadAnswer(f"registry {host}: redirects to plain HTTP: {_one_line(url)[:200]}")
    return url


def join_url(answer: aiohttp.ClientResponse, location: str) -> str:
    """Where a registry says to go on, relative to where it said so. BadAnswer."""
    try:
        return urljoin(str(answer.url), location)
    except ValueError as error:
        raise BadAnswer(f"registry {answer.url.authority}: names no URL: {_one_line(str(error))}") from None


async def _failure(response: aiohttp.ClientResponse, host: str, url: str) -> RegistryError:
    said = await _said(response)
    what = f"registry {host}: {response.status} for {URL(url).path}{said}"
    match response.status:
        case 401 | 403:
            return AccessDenied(f"{what}; is `runm login {host}` done, and may this user do that?")
        case 404:
            return NotThere(what)
        case 408 | 425 | 429 | 500 | 502 | 503 | 504:
            return Unreachable(what)
        case _:
            return BadAnswer(what)


async def _said(response: aiohttp.ClientResponse) -> str:
    """The registry's own words (OCI distribution specification, Error Codes)."""
    try:
        raw = await response.content.read(_ERROR_BYTES)
        errors = parse_json(raw)["errors"]
        words = "; ".join(f"{one['code']} {one.get('message', '')}".strip() for one in errors[:3])
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError):
        return ""
    clean = _one_line(words)[:200]
    return f" ({clean})" if clean else ""


def _reason(error: BaseException, endpoint: Endpoint) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted: {error.certificate_error}; name its CA in hosts.toml"
    if isinstance(error, aiohttp.ClientSSLError):
        return "does not speak TLS; if it is plain HTTP, name it with --insecure"
    if isinstance(error, aiohttp.ClientConnectorError):
        is_proxy = isinstance(error, aiohttp.ClientProxyConnectionError)
        where = f" to the proxy {error.host}:{error.port}" if is_proxy else ""
        return f"cannot connect{where}: {_words(error.os_error)}"
    if isinstance(error, TimeoutError):
        return f"no answer within {_ANSWER_LIMIT_S:g} s"
    return _one_line(str(error)) or type(error).__name__


def _words(error: OSError) -> str:
    """asyncio's own text has the address where the system's reason should be."""
    if error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return _one_line(error.strerror or str(error))


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]
