from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bronzewillow.host.authorities import overlooked_authorities


def test_a_python_that_knows_no_authority_has_those_of_macos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, of_system = tmp_path / "known.pem", tmp_path / "system.pem"
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setenv("SSL_CERT_FILE", str(known))
    assert overlooked_authorities(of_system) is None  # there is none to have
    of_system.touch()
    assert overlooked_authorities(of_system) == of_system
    known.touch()
    assert overlooked_authorities(of_system) is None


def test_elsewhere_the_system_and_openssl_know_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    (tmp_path / "system.pem").touch()
    assert overlooked_authorities(tmp_path / "system.pem") is None
