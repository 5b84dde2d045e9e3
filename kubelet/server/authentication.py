"""Who asks: a client certificate of the cluster's CA, else a bearer token that the API server knows.

Source: kubernetes/kubernetes, cmd/kubelet/app/auth.go. Nobody is anonymous. A certificate of another CA ends
in the TLS handshake, since Python's ssl verifies whatever is shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kubelet.server.errors import RequestError
from kubelet.server.expiring import Expiring
from kubelet.server.surroundings import Json, Reviews

_TOKEN_HOLDS_S = 120.0
_BAD_TOKEN_HOLDS_S = 10.0
_MOST_GUESSES = 20
_QUIET_S = 10.0
_LONGEST_TOKEN = 16 << 10


@dataclass(frozen=True, slots=True)
class User:
    """Who a caller has proven to be."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def spec(self) -> dict[str, Any]:
        """As a SubjectAccessReview has it."""
        extra = {key: list(values) for key, values in self.extra}
        return {"user": self.name, "groups": list(self.groups), "uid": self.uid, "extra": extra}


class Authenticator:
    """Asks the API server about tokens, and remembers what it said.

    Each token that is not known is a question to the API server, so a source that guesses is not asked about
    any more until it has been quiet; tokens that are remembered count all the same.
    """

    def __init__(self, reviews: Reviews) -> None:
        self._reviews = reviews
        self._users: Expiring[bytes, User] = Expiring()
        self._unknown: Expiring[bytes, bool] = Expiring()
        self._guesses: Expiring[str, int] = Expiring()

    async def authenticate(
        self, certificate: bytes | None, authorization: str, source: str, now_s: float
    ) -> User | None:
        """`certificate`: DER, verified by TLS. None: nobody that is known. KubeError: it cannot be told.
        RequestError: nobody asks, since `source` guesses.
        """
        if certificate is not None:
            user = user_of_certificate(certificate)
            if user is not None:
                return user
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token.isascii() or not 0 < len(token) <= _LONGEST_TOKEN:
            return None
        key = hashlib.sha256(token.encode()).digest()  # no token lies about in memory longer than it must
        user = self._users.get(key, now_s)
        if user is not None or self._unknown.get(key, now_s):
            return user
        guesses = self._guesses.get(source, now_s) or 0
        if guesses >= _MOST_GUESSES:
            self._guesses.put(source, guesses, _QUIET_S, now_s)
            raise RequestError(429, "too many tokens that nobody knows came from this address")
        user = _user_of_review(await self._reviews.token(token))
        if user is not None:
            self._users.put(key, user, _TOKEN_HOLDS_S, now_s)
        else:
            self._unknown.put(key, True, _BAD_TOKEN_HOLDS_S, now_s)
            self._guesses.put(source, (self._guesses.get(source, now_s) or 0) + 1, _QUIET_S, now_s)
        return user


def user_of_certificate(certificate: bytes) -> User | None:
    """Common name and organisations. None where the certificate is not for clients, or names nobody."""
    try:
        parsed = x509.load_der_x509_certificate(certificate)
        usages = parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, x509.ExtensionNotFound):
        return None
    if (
        ExtendedKeyUsageOID.CLIENT_AUTH not in usages
        and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in usages
    ):
        return None
    names = [str(found.value) for found in parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    groups = [str(found.value) for found in parsed.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    return User(names[0], tuple(groups)) if names and names[0] else None


def _user_of_review(status: Json) -> User | None:
    found = status.get("user")
    if status.get("authenticated") is not True or not isinstance(found, Mapping) or not found.get("username"):
        return None
    extra = found.get("extra")
    pairs = extra.items() if isinstance(extra, Mapping) else ()
    return User(
        str(found["username"]),
        _texts(found.get("groups")),
        str(found.get("uid") or ""),
        tuple(sorted((str(key), _texts(values)) for key, values in pairs)),
    )


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in values) if isinstance(values, Sequence) else ()
