"""Who asks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kubelet.server.authentication import Authenticator, User, user_of_certificate
from kubelet.server.errors import RequestError

from .conftest import TOKEN, Authority, Reviews

SOURCE = "192.0.2.7"


def certificate(folder: Path, name: str, *groups: str, client: bool = True) -> bytes:
    pem = Authority("ca").pair(folder / "pair.pem", name, *groups, client=client).read_bytes()
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def test_a_client_certificate_names_user_and_groups(tmp_path: Path) -> None:
    user = user_of_certificate(certificate(tmp_path, "alice", "system:masters", "devs"))
    assert user == User("alice", ("system:masters", "devs"))


def test_a_servers_certificate_and_rubbish_name_nobody(tmp_path: Path) -> None:
    assert user_of_certificate(certificate(tmp_path, "mac-1", client=False)) is None
    assert user_of_certificate(b"\x30\x03abc") is None


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer t\udcffken", "Basic YTpi", "Bearer", "Bearer  ", f"Bearer {'x' * 20_000}", "Bearer unknown"],
)
def test_nobody(authorization: str) -> None:
    assert asyncio.run(Authenticator(Reviews()).authenticate(None, authorization, SOURCE, 0.0)) is None


def test_a_token_is_asked_about_again_after_two_minutes() -> None:
    async def run() -> int:
        reviews = Reviews()
        asking = Authenticator(reviews)
        for now_s in (0.0, 60.0, 119.0, 121.0):
            user = await asking.authenticate(None, f"bearer {TOKEN}", SOURCE, now_s)
            assert user == User("bob", ("g",), "", (("k", ("v",)),))
        return reviews.tokens

    assert asyncio.run(run()) == 2


def test_a_wrong_token_is_not_asked_about_at_once_again() -> None:
    async def run() -> int:
        reviews = Reviews()
        asking = Authenticator(reviews)
        for now_s in (0.0, 5.0, 11.0):
            assert await asking.authenticate(None, "Bearer wrong", SOURCE, now_s) is None
        return reviews.tokens

    assert asyncio.run(run()) == 2


def test_a_source_that_guesses_is_not_asked_about_until_it_is_quiet() -> None:
    async def run() -> None:
        reviews = Reviews()
        asking = Authenticator(reviews)
        assert await asking.authenticate(None, f"Bearer {TOKEN}", SOURCE, 0.0) is not None
        for number in range(20):
            assert await asking.authenticate(None, f"Bearer {number}", SOURCE, 1.0) is None
        for now_s in (1.0, 5.0, 14.0):
            with pytest.raises(RequestError, match="too many tokens") as caught:
                await asking.authenticate(None, "Bearer another", SOURCE, now_s)
            assert caught.value.status == 429
        assert reviews.tokens == 21
        assert await asking.authenticate(None, f"Bearer {TOKEN}", SOURCE, 14.0) is not None
        assert await asking.authenticate(None, "Bearer x", "192.0.2.8", 14.0) is None
        assert await asking.authenticate(None, "Bearer another", SOURCE, 25.0) is None
        assert reviews.tokens == 23

    asyncio.run(run())


def test_a_flood_of_tokens_makes_nobody_forgotten() -> None:
    async def run() -> None:
        reviews = Reviews()
        asking = Authenticator(reviews)
        await asking.authenticate(None, f"Bearer {TOKEN}", SOURCE, 0.0)
        for number in range(5000):
            await asking.authenticate(None, f"Bearer {number}", f"source-{number}", 0.0)
        await asking.authenticate(None, f"Bearer {TOKEN}", SOURCE, 1.0)
        assert reviews.tokens == 5001

    asyncio.run(run())
