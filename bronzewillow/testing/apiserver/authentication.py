"""Who asks: by client certificate, by bearer token, or nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bronzewillow.testing.apiserver.calls import ANONYMOUS, User
from bronzewillow.testing.apiserver.refusals import unauthorized
from bronzewillow.testing.apiserver.tokens import Tokens

AUTHENTICATED = "system:authenticated"


def authenticate(tokens: Tokens, certificate: Mapping[str, Any] | None, authorization: str) -> User:
    """`certificate`: as `getpeercert` has it. Refused with 401 for a token that does not count."""
    if certificate:
        return certified_user(certificate)
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return ANONYMOUS
    user = tokens.user(token.strip())
    if user is None:
        raise unauthorized()
    return user


def certified_user(certificate: Mapping[str, Any]) -> User:
    """The common name is the user, the organizations are the groups."""
    attributes = [pair for rdn in certificate.get("subject", ()) for pair in rdn]
    name = next((value for key, value in attributes if key == "commonName"), "")
    groups = [value for key, value in attributes if key == "organizationName"]
    return User(name, (*groups, AUTHENTICATED))
