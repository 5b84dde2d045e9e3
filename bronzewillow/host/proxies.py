"""The HTTP proxy that the environment names for a URL: HTTP_PROXY, HTTPS_PROXY, NO_PROXY.

This machine is asked directly, as Go's net/http does it. aiohttp's own `trust_env` would ask a proxy for it,
and would take passwords of ~/.netrc along, or fail where a request has an Authorization header already.
"""

from __future__ import annotations

import asyncio
import ipaddress
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL


class NoHttpProxy(aiohttp.ClientError):
    """What the environment names is none."""


async def environment_proxy(url: URL) -> URL | None:
    """With name and password, if it wants any; None to ask directly. NoHttpProxy."""
    host = url.host or ""
    if is_this_machine(host):
        return None
    # with macOS' settings the name may be looked up
    return await asyncio.to_thread(_found, url.scheme, host)


def is_this_machine(host: str) -> bool:
    """Whether it is `localhost` or an address of loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _found(scheme: str, host: str) -> URL | None:
    text = getproxies().get(scheme, "")
    if not text or proxy_bypass(host):
        return None
    try:
        named = URL(text if "://" in text else f"http://{text}")
    except ValueError:
        named = URL()
    if named.scheme != "http" or not named.host:
        name = f", {named.scheme}://{named.host}," if named.host else ""
        raise NoHttpProxy(f"{scheme}_proxy of the environment{name} is no HTTP proxy, http://HOST:PORT")
    return named
