"""Whether they may."""

from __future__ import annotations

import asyncio

from kubelet.server.authentication import User
from kubelet.server.authorization import Authorizer
from kubelet.server.endpoints import rights

from .conftest import Reviews

READ_PODS = rights("GET", "/pods", "mac-1")


def asked(*instants: float, user: str) -> int:
    async def run() -> int:
        reviews = Reviews()
        authorizer = Authorizer(reviews)
        for now_s in instants:
            assert await authorizer.may(User(user), READ_PODS, now_s) is (user == "alice")
        return len(reviews.accesses)

    return asyncio.run(run())


def test_the_first_right_that_is_granted_suffices() -> None:
    assert asked(0.0, user="alice") == 1


def test_all_rights_are_asked_about_before_a_no() -> None:
    assert asked(0.0, user="bob") == 2


def test_a_yes_holds_for_five_minutes_and_a_no_for_half_a_minute() -> None:
    assert asked(0.0, 299.0, 301.0, user="alice") == 2
    assert asked(0.0, 29.0, 31.0, user="bob") == 4
