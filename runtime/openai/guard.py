"""Who may ask: API keys, browsers' origins, and the Host header of loopback requests.

A model on a laptop is one `fetch` away from every web page that its owner visits. A page of another origin
is refused unless that origin was named; and a request that came over TCP loopback must name this machine in
`Host`, since a page can point its own name at 127.0.0.1.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from runtime.openai.errors import ApiError

_OPEN_PATHS = frozenset({"/health", "/v1/health"})
_CORS_HEADERS = "Authorization, Content-Type, X-Api-Key, X-Request-Id, X-Stainless-*"
_CORS_METHODS = "GET, POST, OPTIONS"


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of one server."""

    keys: tuple[str, ...] = ()
    """Accepted API keys; none means that none is needed."""
    origins: tuple[str, ...] = ()
    """Origins of web pages that may ask, or `*`."""
    hosts: tuple[str, ...] = ()
    """Host names accepted over TCP loopback, besides localhost and addresses."""

    def check(self, request: web.Request) -> None:
        """ApiError 401 or 403 for a request that is refused."""
        self._check_host(request)
        self._check_origin(request)
        if self.keys and request.path not in _OPEN_PATHS and request.method != hdrs.METH_OPTIONS:
            self._check_key(request)

    def cors_headers(self, request: web.Request) -> dict[str, str]:
        """What the answer must carry for the page's script to read it."""
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or not self._allows(origin):
            return {}
        return {
            "Access-Control-Allow-Origin": "*" if "*" in self.origins else origin,
            "Access-Control-Allow-Methods": _CORS_METHODS,
            "Access-Control-Allow-Headers": request.headers.get(
                "Access-Control-Request-Headers", _CORS_HEADERS
            ),
            "Access-Control-Expose-Headers": "X-Request-Id, Retry-After",
            "Access-Control-Max-Age": "600",
            "Vary": "Origin",
        }

    def _allows(self, origin: str) -> bool:
        return "*" in self.origins or origin in self.origins

    def _check_origin(self, request: web.Request) -> None:
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or self._allows(origin):
            return
        if urlsplit(origin).netloc and urlsplit(origin).netloc == request.headers.get(hdrs.HOST):
            return
        raise ApiError(
            403, f"Web pages of origin {origin!r} may not use this server.", code="origin_not_allowed"
        )

    def _check_host(self, request: web.Request) -> None:
        transport = request.transport
        local = transport.get_extra_info("sockname") if transport is not None else None
        if not isinstance(local, tuple) or not _is_loopback(local[0]):
            return
        name = _host_name(request.headers.get(hdrs.HOST, ""))
        if _is_address(name) or name == "localhost" or name.endswith(".localhost") or name in self.hosts:
            return
        raise ApiError(403, f"This server does not answer for the host {name!r}.", code="host_not_allowed")

    def _check_key(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else request.headers.get("X-Api-Key", "")
        # Every key is compared, in constant time: the answer's delay tells nothing.
        matches = [hmac.compare_digest(given.encode(), key.encode()) for key in self.keys]
        if not given:
            raise ApiError(401, "You didn't provide an API key.", code="invalid_api_key", headers=_CHALLENGE)
        if not any(matches):
            raise ApiError(401, "Incorrect API key provided.", code="invalid_api_key", headers=_CHALLENGE)


_CHALLENGE = {"WWW-Authenticate": "Bearer"}


def read_keys(path: Path) -> tuple[str, ...]:
    """The keys in a file, one per line; `#` begins a comment. ValueError if there is none, OSError as it
    comes.
    """
    lines = (line.strip() for line in path.read_text().splitlines())
    keys = tuple(line for line in lines if line and not line.startswith("#"))
    if not keys:
        raise ValueError("the file holds no key")
    return keys


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def parse_origins(origins: Sequence[str]) -> tuple[str, ...]:
    """Checked origins, as browsers write them; ValueError for anything else."""
    for origin in origins:
        parts = urlsplit(origin)
        if origin != "*" and (
            not parts.scheme or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}"
        ):
            raise ValueError(f"{origin!r} is no origin; write it as https://host or http://host:port, or *")
    return tuple(origins)
