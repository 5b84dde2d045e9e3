from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import Forbidden
from bronzewillow.kube.resources import (
    CONFIG_MAPS,
    NAMESPACES,
    NODES,
    SECRETS,
    SERVICE_ACCOUNTS,
    Object,
    Resource,
)
from bronzewillow.testing.apiserver.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from bronzewillow.testing.joinable import Joinable, on_cluster
from kubelet.certificates.client_ca import fetch_client_ca
from kubelet.membership.home import Home
from kubelet.membership.network_account import NetworkAccount, is_due, request_token, token_span
from kubelet.membership.setup import setup_objects
from kubelet.testing.manual_clock import ManualClock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KINDS: dict[str, Resource] = {
    one.kind: one
    for one in (NAMESPACES, SERVICE_ACCOUNTS, CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS, ROLES, ROLE_BINDINGS)
}


async def set_up(cluster: Joinable) -> None:
    """What an administrator applies."""
    for one in setup_objects():
        resource = KINDS[one["kind"]]
        await cluster.admin.create(resource, _plain(one))


def _plain(one: Object) -> Object:
    return {**one, "metadata": dict(one["metadata"])}


def token(made: datetime, ends: datetime) -> str:
    claims = json.dumps({"iat": made.timestamp(), "exp": ends.timestamp()}).encode()
    return f"e30.{base64.urlsafe_b64encode(claims).rstrip(b'=').decode()}.e30"


def test_a_token_says_how_long_it_lives() -> None:
    assert token_span(token(NOW, NOW + timedelta(days=30))) == (NOW, NOW + timedelta(days=30))


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "a.e30.c", "a.W10.c", "e30." + "A" * 9 + ".e30"])
def test_what_is_no_such_token_does_not(text: str) -> None:
    assert token_span(text) is None
    assert not is_due(text, NOW)


@pytest.mark.parametrize(
    ("life", "elapsed", "expected"),
    [
        (timedelta(days=30), timedelta(hours=23), False),
        (timedelta(days=30), timedelta(hours=24), True),
        (timedelta(hours=1), timedelta(minutes=47), False),
        (timedelta(hours=1), timedelta(minutes=48), True),
    ],
)
def test_when_it_is_renewed(life: timedelta, elapsed: timedelta, expected: bool) -> None:
    assert is_due(token(NOW, NOW + life), NOW + elapsed) is expected


@pytest.mark.loopback
def test_who_joins_takes_the_first_token_and_the_account_renews_it(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        await set_up(cluster)
        home, clock = Home(tmp_path), ManualClock()
        account = NetworkAccount(home, cluster.server.cluster, clock)
        await account.renew_if_due()
        assert account.access() is None
        first = await request_token(cluster.bootstrap)
        home.write_network_token(cluster.server.cluster, first)
        await account.renew_if_due()
        assert home.network_token.read_text() == first
        clock.jump(25 * 3600)
        await account.renew_if_due()
        assert home.network_token.read_text() != first
        access = account.access()
        assert access is not None
        async with KubeClient(access) as network:
            await network.list(NODES)
            assert await fetch_client_ca(network) == cluster.server.authority.ca_pem
            with pytest.raises(Forbidden):
                await network.list(SECRETS)
            with pytest.raises(Forbidden):
                await network.list(CONFIG_MAPS)

    on_cluster(body)


@pytest.mark.loopback
def test_a_token_that_cannot_be_renewed_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def body(cluster: Joinable) -> None:
        home, clock = Home(tmp_path), ManualClock()
        old = token(clock.wall() - timedelta(days=40), clock.wall() - timedelta(days=10))
        home.write_network_token(cluster.server.cluster, old)
        await NetworkAccount(home, cluster.server.cluster, clock).renew_if_due()
        assert home.network_token.read_text() == old
        assert "bronzewillow join" in caplog.text
        assert old not in caplog.text

    on_cluster(body)
