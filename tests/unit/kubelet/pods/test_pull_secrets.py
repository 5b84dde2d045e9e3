"""Which credentials are for an image."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kubelet.pods.pull_secrets import Login, logins, matching


def secret(config: Any, kind: str = "kubernetes.io/dockerconfigjson") -> dict[str, Any]:
    key = ".dockerconfigjson" if kind.endswith("json") else ".dockercfg"
    return {"type": kind, "data": {key: base64.b64encode(json.dumps(config).encode()).decode()}}


AUTH = base64.b64encode(b"me:pa:ss").decode()


def test_both_types_of_secrets() -> None:
    expected = [Login("r.example", "me", "pa:ss")]
    assert logins(secret({"auths": {"r.example": {"auth": AUTH}}})) == expected
    assert logins(secret({"r.example": {"auth": AUTH}}, "kubernetes.io/dockercfg")) == expected
    assert logins(secret({"auths": {"r.example": {"username": "me", "password": "pa:ss"}}})) == expected
    (token,) = logins(secret({"auths": {"r.example": {"identitytoken": "t"}}}))
    assert token.identity_token == "t"


@pytest.mark.parametrize(
    "wrong",
    [
        {}, {"type": "Opaque", "data": {}}, {"type": "kubernetes.io/dockerconfigjson", "data": {}},
        secret([]), secret({"auths": {"r": {"auth": "?"}}}), secret({"auths": {"r": {}}}), secret({"auths":
        3}),
        {"type": "kubernetes.io/dockercfg", "data": {".dockercfg": base64.b64encode(b"[" * 99_999).decode()}},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_not_there(wrong: dict[str, Any]) -> None:
    assert logins(wrong) == []


def test_passwords_are_not_shown() -> None:
    assert "pa:ss" not in repr(logins(secret({"auths": {"r.example": {"auth": AUTH}}})))


def found(image: str, *keys: str) -> list[str]:
    return [one.key for one in matching([Login(key, "u", "p") for key in keys], image)]


@pytest.mark.parametrize(
    ("image", "key", "is_for"),
    [
        ("r.example/team/m:v1", "r.example", True),
        ("r.example/team/m:v1", "https://r.example/v2/", True),
        ("r.example/team/m:v1", "r.example/team", True),
        ("r.example/team/m@sha256:ab", "r.example/team/m", True),
        ("r.example/teams/m", "r.example/team", False),
        ("r.example:5000/m", "r.example", False),
        ("r.example:5000/m", "r.example:5000", True),
        ("a.r.example/m", "*.r.example", True),
        ("a.b.r.example/m", "*.r.example", False),
        ("ra.example/m", "r*.example", True),
        ("library/m", "https://index.docker.io/v1/", True),
        ("m:v1", "docker.io", True),
        ("r.example/m", "docker.io", False),
    ],
)
def test_what_a_key_is_for(image: str, key: str, is_for: bool) -> None:
    assert found(image, key) == ([key] if is_for else [])


def test_the_longest_comes_first() -> None:
    keys = ("r.example", "r.example/team/m", "other", "r.example/team")
    assert found("r.example/team/m", *keys) == ["r.example/team/m", "r.example/team", "r.example"]
