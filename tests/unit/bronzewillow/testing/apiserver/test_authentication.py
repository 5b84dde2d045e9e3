from __future__ import annotations

import pytest

from bronzewillow.testing.apiserver.authentication import authenticate, certified_user
from bronzewillow.testing.apiserver.calls import ANONYMOUS, User
from bronzewillow.testing.apiserver.refusals import Refused
from bronzewillow.testing.apiserver.server import ApiServer

SUBJECT = {
    "subject": (
        (("organizationName", "system:nodes"),),
        (("organizationName", "more"),),
        (("commonName", "system:node:a"),),
    )
}


def test_certificates() -> None:
    user = certified_user(SUBJECT)
    assert (user.name, user.node) == ("system:node:a", "a")
    assert user.groups == ("system:nodes", "more", "system:authenticated")


def test_the_certificate_goes_before_the_token(server: ApiServer) -> None:
    server.tokens.given["t"] = User("anna")
    assert authenticate(server.tokens, SUBJECT, "Bearer t").node == "a"
    assert authenticate(server.tokens, {}, "Bearer t") == User("anna")


def test_nobody_and_a_false_token(server: ApiServer) -> None:
    assert authenticate(server.tokens, None, "") == ANONYMOUS
    with pytest.raises(Refused, match="Unauthorized"):
        authenticate(server.tokens, None, "Bearer false")
