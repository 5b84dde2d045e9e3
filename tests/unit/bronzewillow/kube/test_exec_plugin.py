from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.kube import exec_plugin
from bronzewillow.kube.access import Presented
from bronzewillow.kube.errors import BadCredentials
from bronzewillow.kube.exec_plugin import ExecConfig, ExecIdentity, parse_credential
from bronzewillow.testing.aio import run

V1 = "client.authentication.k8s.io/v1"


def credential(version: str = V1, **status: Any) -> bytes:
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status}).encode()


def plugin(code: str, **more: Any) -> ExecConfig:
    return ExecConfig(command=sys.executable, args=("-S", "-c", code), **more)


def counting(folder: Path, **status: Any) -> str:
    """A program that answers with its number of runs as the token."""
    return (
        "import json, pathlib; p = pathlib.Path({!r}); n = int(p.read_text()) + 1 if p.exists() else 1; "
        "p.write_text(str(n)); print(json.dumps({{'apiVersion': {!r}, 'kind': 'ExecCredential', "
        "'status': {{'token': 't%d' % n, **{!r}}}}}))"
    ).format(str(folder / "runs"), V1, status)


def test_a_token_is_kept_until_it_expires(tmp_path: Path) -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC)
    times = [now]
    config = plugin(counting(tmp_path, expirationTimestamp="2025-01-01T00:10:00Z"))

    async def main() -> None:
        identity = ExecIdentity(config, clock=lambda: times[0])
        assert (await identity.present()).token == "t1"
        assert (await identity.present()).token == "t1"
        times[0] = now + timedelta(minutes=10)
        assert (await identity.present()).token == "t2"
        assert identity.forget()
        assert (await identity.present()).token == "t3"

    run(main())


def test_what_the_plugin_is_told(tmp_path: Path) -> None:
    code = (
        "import os, sys, json; info = os.environ['KUBERNETES_EXEC_INFO']; "
        f"print(json.dumps({{'apiVersion': '{V1}', 'kind': 'ExecCredential', "
        "'status': {'token': info + os.environ['MORE'] + repr(sys.stdin.read())}}))"
    )
    config = plugin(code, env={"MORE": "more"}, cluster={"server": "https://a"})
    token = run(ExecIdentity(config).present()).token
    assert '"cluster": {"server": "https://a"}' in token
    assert '"interactive": false' in token
    assert token.endswith("more''")


def test_a_certificate() -> None:
    answer = credential(clientCertificateData="CERT", clientKeyData="KEY")
    assert parse_credential(answer, ExecConfig("x")) == (Presented(b"CERT", b"KEY"), None)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "no ExecCredential"),
        (b"[]", "no ExecCredential"),
        (b'{"apiVersion": "x"}', "no ExecCredential"),
        (credential(token="t", expirationTimestamp="soon"), "no ExecCredential"),
        (credential("client.authentication.k8s.io/v1beta1", token="t"), "the kubeconfig says"),
        (credential(clientKeyData="KEY"), "not both"),
        (credential(), "neither a token nor a certificate"),
    ],
)
def test_answers_that_are_none(answer: bytes, words: str) -> None:
    with pytest.raises(BadCredentials, match=words):
        parse_credential(answer, ExecConfig("login"))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (plugin("import sys; sys.exit('log in\\nfirst')"), "exit code 1: log in first"),
        (ExecConfig("/absent/login", install_hint="install it\nso"), "cannot be run: .*; install it so"),
    ],
)
def test_failures_are_named(config: ExecConfig, words: str) -> None:
    with pytest.raises(BadCredentials, match=words):
        run(ExecIdentity(config).present())


def test_a_plugin_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_plugin, "_LONGEST_RUN_S", 0.05)
    config = plugin("import signal; signal.pause()")
    with pytest.raises(BadCredentials, match="no answer within"):
        run(ExecIdentity(config).present())
