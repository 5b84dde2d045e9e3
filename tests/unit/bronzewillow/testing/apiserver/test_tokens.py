from __future__ import annotations

from datetime import timedelta
from typing import Any

from bronzewillow.kube.resources import PODS, SECRETS, SERVICE_ACCOUNTS, Object
from bronzewillow.testing.apiserver import seed
from bronzewillow.testing.apiserver.calls import User
from bronzewillow.testing.apiserver.server import ApiServer


def account(server: ApiServer) -> Object:
    found = server.store.get(SERVICE_ACCOUNTS, "default", "default")
    assert found is not None
    return found


def test_a_service_accounts_token(server: ApiServer, clock: Any) -> None:
    token, expires = server.tokens.issue(account(server), [], 600)
    assert expires == clock.now + timedelta(seconds=600)
    assert token.count(".") == 2
    user = server.tokens.user(token)
    assert user is not None
    assert user.name == "system:serviceaccount:default:default"
    assert "system:serviceaccounts:default" in user.groups
    clock.now += timedelta(seconds=601)
    assert server.tokens.user(token) is None


def test_audiences_and_forgeries(server: ApiServer) -> None:
    token, _ = server.tokens.issue(account(server), ["mine"], 600)
    assert server.tokens.user(token) is None
    assert server.tokens.user(token, ["mine"]) is not None
    assert server.tokens.user(token[:-2] + "xx", ["mine"]) is None
    assert server.tokens.user("nonsense") is None


def test_a_token_ends_with_its_pod(server: ApiServer) -> None:
    pod = {
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    made = server.make(PODS, pod)
    token, _ = server.tokens.issue(account(server), [], 600, made)
    user = server.tokens.user(token)
    assert user is not None
    assert user.extra["authentication.kubernetes.io/pod-name"] == ["a"]
    server.store.remove(PODS, made)
    assert server.tokens.user(token) is None


def test_bootstrap_tokens(server: ApiServer, clock: Any) -> None:
    secret = next(obj for resource, obj in seed.for_joining("abcdef.0123456789abcdef") if resource is SECRETS)
    made = server.make(SECRETS, secret)
    user = server.tokens.user("abcdef.0123456789abcdef")
    assert user is not None
    assert (user.name, seed.BOOTSTRAPPERS in user.groups) == ("system:bootstrap:abcdef", True)
    assert server.tokens.user("abcdef.0000000000000000") is None
    expired = {**made, "data": {**made["data"], "expiration": "MjAyNC0wMS0wMVQwMDowMDowMFo="}}
    server.store.put(SECRETS, expired)
    assert server.tokens.user("abcdef.0123456789abcdef") is None


def test_given_ones(server: ApiServer) -> None:
    server.tokens.given["t"] = User("anna")
    assert server.tokens.user("t") == User("anna")
