"""Who we are, in the way each registry asks for it: Basic, or a Bearer token from its token server.

Source: distribution, Token Authentication Specification and its OAuth 2 part; RFC 6750.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from bronzewillow.host.parsing import parse_json
from bronzewillow.host.proxies import environment_proxy
from runtime.registry.challenge import Challenge
from runtime.registry.credentials import NOBODY, Credentials
from runtime.registry.errors import AccessDenied, BadAnswer, Unreachable
from runtime.registry.hosts import Endpoint

FindCredentials = Callable[[str], Awaitable[Credentials]]

_CLIENT_ID = "bronzewillow"
_DEFAULT_LIFE_S = 60.0  # of a token that does not say; Token Authentication Specification
_LONGEST_LIFE_S = 24 * 3600.0
_MARGIN_S = 5.0
_LONGEST_ANSWER = 1 << 20


class Authorizer:
    """Answers challenges, and remembers the answers while they hold."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        find: FindCredentials,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session, self._find, self._clock = session, find, clock
        self._known: dict[tuple[str, str], tuple[str, float]] = {}

    def header(self, endpoint: Endpoint, scope: str) -> str | None:
        """The Authorization header that served last time."""
        value, until = self._known.get((endpoint.url, scope), (None, 0.0))
        return value if self._clock() < until else None

    def forget(self, endpoint: Endpoint, scope: str) -> None:
        """Ask for another token next time: this one did not serve."""
        self._known.pop((endpoint.url, scope), None)

    async def answer(self, endpoint: Endpoint, scope: str, challenges: Sequence[Challenge]) -> None:
        """From now on `header` has what one of the challenges asks for. AccessDenied, Unreachable."""
        host = urlsplit(endpoint.url).netloc
        who = await self._find(host)
        for challenge in challenges:
            if challenge.scheme == "bearer":
                token, life_s = await self._token(endpoint, host, scope, challenge, who)
                self._known[endpoint.url, scope] = f"Bearer {token}", self._clock() + life_s - _MARGIN_S
                return
            if challenge.scheme == "basic":
                if not who.username:
                    raise AccessDenied(f"registry {host}: wants a name and a password; `runm login {host}`")
                self._known[endpoint.url, scope] = who.basic, float("inf")
                return
        offered = ", ".join(one.scheme for one in challenges) or "none"
        raise AccessDenied(f"registry {host}: no known way to log in is offered (offered: {offered})")

    async def _token(
        self, endpoint: Endpoint, host: str, scope: str, challenge: Challenge, who: Credentials
    ) -> tuple[str, float]:
        if who.registry_token:
            return who.registry_token, _DEFAULT_LIFE_S
        realm = challenge.parameters.get("realm", "")
        try:
            server = URL(realm)
        except ValueError:
            server = URL()
        if server.scheme != "https" and not (server.scheme == "http" and endpoint.is_plain):
            raise AccessDenied(f"registry {host}: its token server {realm[:200]!r} is not https")
        fields = {"scope": scope or challenge.parameters.get("scope", "")}
        if service := challenge.parameters.get("service"):
            fields["service"] = service
        fields = {name: value for name, value in fields.items() if value}
        if who.identity_token:
            form = fields | {
                "grant_type": "refresh_token", "refresh_token": who.identity_token, "client_id": _CLIENT_ID,
            }  # fmt: skip
            document = await self._ask(
                host, "POST", server, {}, data=form, ssl=endpoint.tls(), allow_redirects=False
            )
        else:
            headers = {"Authorization": who.basic} if who != NOBODY else {}
            # each scope is a parameter of its own; the form of OAuth 2 above has them in one
            query = [("scope", one) for one in fields.pop("scope", "").split()] + list(fields.items())
            document = await self._ask(host, "GET", server, headers, params=query, ssl=endpoint.tls())
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise BadAnswer(f"registry {host}: its token server {server.authority} gave no token")
        return token, life_s(document.get("expires_in"))

    async def _ask(self, host: str, method: str, url: URL, headers: Any, **rest: Any) -> dict[str, Any]:
        server = url.authority
        try:
            proxy = await environment_proxy(url)
            async with self._session.request(method, url, headers=headers, proxy=proxy, **rest) as response:
                if response.status in (400, 401, 403):
                    raise AccessDenied(
                        f"registry {host}: its token server {server} refuses us ({response.status}); "
                        f"`runm login {host}`"
                    )
                if response.status != 200:
                    raise Unreachable(f"registry {host}: its token server {server} says {response.status}")
                raw = await response.content.read(_LONGEST_ANSWER)
                while not response.content.at_eof() and len(raw) < _LONGEST_ANSWER:
                    raw += await response.content.read(_LONGEST_ANSWER)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable(f"registry {host}: its token server {server}: {error}") from None
        try:
            document = parse_json(raw)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise BadAnswer(f"registry {host}: its token server {server} does not speak JSON")
        return document


def life_s(told: object) -> float:
    """Of a token, by what its server tells, which may be no number, or one of a thousand digits."""
    if not isinstance(told, int | float) or isinstance(told, bool):
        return _DEFAULT_LIFE_S
    return float(min(max(told, _DEFAULT_LIFE_S), _LONGEST_LIFE_S))
