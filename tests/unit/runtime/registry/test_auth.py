from __future__ import annotations

import pytest

from runtime.registry.auth import Authorizer, life_s
from runtime.registry.challenge import Challenge
from runtime.registry.credentials import Credentials
from runtime.registry.errors import AccessDenied, BadAnswer, Unreachable
from runtime.registry.hosts import Endpoint
from runtime.registry.push import push

from .conftest import Bench, RunBench

pytestmark = pytest.mark.loopback


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_a_challenge_is_answered_once(with_bench: RunBench, auth: str) -> None:
    async def main(bench: Bench) -> None:
        bench.offer(b"weights")
        for _ in range(3):
            await bench.client.manifest(bench.reference())
        manifests = [path for _, path in bench.registry.requests if "/manifests/" in path]
        assert len(manifests) == 4
        tokens = [path for _, path in bench.registry.requests if path.startswith("/token")]
        assert len(tokens) == (auth == "bearer")
        assert all("scope=repository:team/tiny:pull&" in path.replace("%3A", ":") for path in tokens)

    with_bench(main, auth=auth)


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_a_wrong_password_is_told_with_its_cure(with_bench: RunBench, auth: str) -> None:
    async def main(bench: Bench) -> None:
        bench.offer(b"weights")
        with pytest.raises(AccessDenied, match="`runm login 127") as raised:
            await bench.client.manifest(bench.reference())
        assert "wrong" not in str(raised.value)

    with_bench(main, auth=auth, password="wrong")


def test_a_token_that_no_longer_holds_is_asked_for_again(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        bench.offer(b"weights")
        await bench.client.manifest(bench.reference())
        bench.registry._tokens.clear()
        await bench.client.manifest(bench.reference())

    with_bench(main, auth="bearer")


def challenge(realm: str) -> list[Challenge]:
    return [Challenge("bearer", {"realm": realm, "service": "s"})]


def test_each_scope_is_asked_for_by_itself(with_bench: RunBench) -> None:
    async def main(bench: Bench) -> None:
        bench.make("team/tiny:v1", b"weights")
        await push(bench.client, bench.store, bench.reference())
        bench.make("team/second:v1", b"weights")
        await push(bench.client, bench.store, bench.reference("team/second:v1"))
        asked = [
            path for _, path in bench.registry.requests if path.startswith("/token") and "tiny:pull&" in path
        ]
        own, mounting = "scope=repository:team/second:pull,push", "&scope=repository:team/tiny:pull"
        assert f"/token?{own}{mounting}&service=test" in asked

    with_bench(main, auth="bearer")


def test_odd_ways_to_log_in(with_bench: RunBench) -> None:
    who = Credentials()

    async def find(registry: str) -> Credentials:
        return who

    async def main(bench: Bench) -> None:
        nonlocal who
        now = [0.0]
        authorizer = Authorizer(bench.client.transport._session, find, lambda: now[0])
        endpoint, tls = Endpoint(bench.registry.url), Endpoint("https://registry.example")
        with pytest.raises(AccessDenied, match="offered: negotiate"):
            await authorizer.answer(endpoint, "", [Challenge("negotiate")])
        with pytest.raises(AccessDenied, match="wants a name and a password"):
            await authorizer.answer(endpoint, "", [Challenge("basic")])
        with pytest.raises(AccessDenied, match="is not https"):
            await authorizer.answer(endpoint, "", challenge("http://[x"))
        with pytest.raises(AccessDenied, match="is not https"):
            await authorizer.answer(tls, "", challenge(f"{bench.registry.url}/token"))
        with pytest.raises(AccessDenied, match="refuses us"):
            await authorizer.answer(endpoint, "", challenge(f"{bench.registry.url}/token"))
        bench.registry.auth = "none"
        with pytest.raises(BadAnswer, match="gave no token"):
            await authorizer.answer(endpoint, "", challenge(f"{bench.registry.url}/v2/"))
        with pytest.raises(Unreachable, match="token server 127"):
            await authorizer.answer(endpoint, "", challenge("http://127.0.0.1:1/token"))
        who = Credentials(registry_token="ready")
        await authorizer.answer(endpoint, "a", challenge(f"{bench.registry.url}/token"))
        assert authorizer.header(endpoint, "a") == "Bearer ready"
        now[0] = 60
        assert authorizer.header(endpoint, "a") is None

    with_bench(main, auth="bearer")


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(300, 300.0), (0.5, 60.0), (-1, 60.0), (None, 60.0), (True, 60.0), ("300", 60.0), (10**4000, 86400.0)],
)
def test_how_long_a_token_is_good(told: object, seconds: float) -> None:
    assert life_s(told) == seconds
