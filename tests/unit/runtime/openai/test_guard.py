"""Who may ask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.testing import aio
from runtime.openai.guard import Guard, parse_origins, read_keys


def status(
    serving: Callable[..., Any], guard: Guard, path: str = "/v1/models", **headers: str
) -> tuple[int, Any]:
    async def main() -> tuple[int, Any]:
        async with serving(guard=guard) as api, api.client.get(path, headers=headers) as answer:
            return answer.status, dict(answer.headers)

    return aio.run(main())


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic k1"}, 401),
        ({"Authorization": "Bearer k1"}, 200),
        ({"authorization": "bearer  k2 "}, 200),
        ({"X-Api-Key": "k2"}, 200),
        ({"X-Api-Key": "schlüssel"}, 401),
    ],
)
def test_keys(serving: Any, headers: dict[str, str], code: int) -> None:
    found, answered = status(serving, Guard(keys=("k1", "k2")), **headers)
    assert found == code
    assert ("WWW-Authenticate" in answered) == (code == 401)


@pytest.mark.loopback
def test_health_needs_no_key_and_metrics_do(serving: Any) -> None:
    guard = Guard(keys=("k",))
    assert status(serving, guard, "/health")[0] == 200
    assert status(serving, guard, "/v1/health")[0] == 200
    assert status(serving, guard, "/metrics")[0] == 401


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost:1", 200), ("127.0.0.1:1", 200), ("[::1]:1", 200), ("10.1.2.3", 200),
        ("pet.localhost", 200),
        ("mac.example", 200), ("evil.example", 403), ("localhost.evil.example:80", 403), ("", 403),
    ],
)  # fmt: skip
def test_host_over_loopback(serving: Any, host: str, code: int) -> None:
    assert status(serving, Guard(hosts=("mac.example",)), Host=host)[0] == code


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("origins", "origin", "code", "allowed"),
    [
        ((), "https://evil.example", 403, None),
        ((), "null", 403, None),
        (("https://a.example",), "https://a.example", 200, "https://a.example"),
        (("https://a.example",), "https://b.example", 403, None),
        (("*",), "https://b.example", 200, "*"),
    ],
)
def test_origins(serving: Any, origins: tuple[str, ...], origin: str, code: int, allowed: str | None) -> None:
    found, headers = status(serving, Guard(origins=origins), Origin=origin)
    assert found == code
    assert headers.get("Access-Control-Allow-Origin") == allowed
    assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.loopback
def test_preflight(serving: Any) -> None:
    async def main() -> None:
        guard = Guard(keys=("k",), origins=("https://a.example",))
        headers = {"Origin": "https://a.example", "Access-Control-Request-Headers": "authorization"}
        async with serving(guard=guard) as api:
            async with api.client.options("/v1/chat/completions", headers=headers) as answer:
                assert answer.status == 204
                assert answer.headers["Access-Control-Allow-Headers"] == "authorization"
            headers["Origin"] = "https://b.example"
            async with api.client.options("/v1/chat/completions", headers=headers) as answer:
                assert answer.status == 403

    aio.run(main())


def test_key_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("# ours\n k1 \n\nk2\n")
    assert read_keys(path) == ("k1", "k2")
    path.write_text("# none\n")
    with pytest.raises(ValueError, match="no key"):
        read_keys(path)


def test_origin_syntax() -> None:
    assert parse_origins(["*", "http://a:80"]) == ("*", "http://a:80")
    for wrong in ("a.example", "https://a.example/", "https://"):
        with pytest.raises(ValueError, match="no origin"):
            parse_origins([wrong])
