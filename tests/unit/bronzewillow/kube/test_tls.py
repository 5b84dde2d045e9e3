from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

import pytest

from bronzewillow.kube import tls
from bronzewillow.kube.access import Cluster, Presented
from bronzewillow.kube.errors import BadCredentials
from bronzewillow.kube.tls import client_context
from bronzewillow.testing.apiserver.authority import Authority, Subject


def test_whom_it_believes() -> None:
    authority = Authority("ca")
    context = client_context(Cluster("https://a", authority.ca_pem), Presented())
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert [ca["subject"] for ca in context.get_ca_certs()] == [((("commonName", "ca"),),)]


def test_without_a_ca_the_system_s_own_list_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "system.pem").write_bytes(Authority("ca").ca_pem)
    monkeypatch.setattr(tls, "overlooked_authorities", lambda: tmp_path / "system.pem")
    context = client_context(Cluster("https://a"), Presented())
    assert ((("commonName", "ca"),),) in [ca["subject"] for ca in context.get_ca_certs()]
    context = client_context(Cluster("https://a", Authority("own").ca_pem), Presented())
    assert [ca["subject"] for ca in context.get_ca_certs()] == [((("commonName", "own"),),)]


def test_nothing_of_the_key_stays_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pair = Authority("ca").issue(Subject("mac-1"))
    client_context(Cluster("https://a"), Presented(pair.certificate_pem, pair.key_pem))
    assert list(tmp_path.iterdir()) == []


def test_insecure_is_said_aloud() -> None:
    context = client_context(Cluster("https://a", insecure=True), Presented())
    assert context.verify_mode is ssl.CERT_NONE


def test_what_does_not_fit_is_named() -> None:
    authority = Authority("ca")
    one, other = authority.issue(Subject("a")), authority.issue(Subject("b"))
    with pytest.raises(BadCredentials, match="do not go together"):
        client_context(Cluster("https://a"), Presented(one.certificate_pem, other.key_pem))
    with pytest.raises(BadCredentials, match="do not go together"):
        client_context(Cluster("https://a"), Presented(b"nonsense", b"nonsense"))
    with pytest.raises(BadCredentials, match="its CA is no certificate"):
        client_context(Cluster("https://a", b"nonsense"), Presented())
