from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)

from kubelet.certificates.errors import Denied
from kubelet.certificates.pairs import PairFolder
from kubelet.certificates.requests import client_request, request_pem

from .conftest import NOW, Authority

YEAR = timedelta(days=365)


def issued(authority: Authority, key: EllipticCurvePrivateKey) -> bytes:
    return authority.sign(request_pem(client_request("mac-1"), key), NOW, YEAR)


def modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in folder.iterdir()}


def test_a_key_is_on_disk_before_it_is_used_and_survives_a_crash(tmp_path: Path) -> None:
    pki = tmp_path / "pki"
    key = PairFolder(pki, "client").pending_key()
    assert (pki.stat().st_mode & 0o777, modes(pki)) == (0o700, {0o600})
    assert PairFolder(pki, "client").pending_key().public_key() == key.public_key()
    assert PairFolder(pki, "serving").pending_key().public_key() != key.public_key()


def test_a_pair_is_one_file_that_a_link_names(tmp_path: Path, authority: Authority) -> None:
    folder = PairFolder(tmp_path, "client")
    assert folder.current() is None
    key = folder.pending_key()
    pair = folder.install(issued(authority, key), key, NOW)
    assert pair == folder.current()
    assert pair.path == folder.current_path == tmp_path / "client-current.pem"
    assert folder.current_path.readlink() == Path("client-20260101T000000.pem")
    assert modes(tmp_path) == {0o600}
    assert pair.common_name == "system:node:mac-1"
    assert pair.is_valid(NOW)
    assert not pair.is_valid(NOW + YEAR)
    assert not pair.is_valid(NOW - timedelta(seconds=1))
    assert "PRIVATE" not in repr(pair)
    assert folder.pending_key().public_key() != key.public_key()  # the next one's is another


def test_the_newest_three_are_kept(tmp_path: Path, authority: Authority) -> None:
    folder = PairFolder(tmp_path, "client")
    for day in range(5):
        key = folder.pending_key()
        folder.install(issued(authority, key), key, NOW + timedelta(days=day))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "client-20260103T000000.pem",
        "client-20260104T000000.pem",
        "client-20260105T000000.pem",
        "client-current.pem",
    ]


def test_what_would_not_serve_does_not_take_the_place_of_what_does(
    tmp_path: Path, authority: Authority
) -> None:
    folder = PairFolder(tmp_path, "client")
    key = folder.pending_key()
    good = folder.install(issued(authority, key), key, NOW)
    later = folder.pending_key()
    for certificate, now in (
        (b"no PEM", NOW),
        (issued(authority, generate_private_key(SECP256R1())), NOW),
        (issued(authority, later), NOW + YEAR),
    ):
        with pytest.raises(Denied):
            folder.install(certificate, later, now)
    assert folder.current() == good


@pytest.mark.parametrize("content", [b"", b"text", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_broken_file_is_none_and_is_named(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    (tmp_path / "client-current.pem").write_bytes(content)
    (tmp_path / "client.key.pending").write_bytes(content)
    folder = PairFolder(tmp_path, "client")
    assert folder.current() is None
    folder.pending_key()
    assert "client-current.pem" in caplog.text
    assert "client.key.pending" in caplog.text


def test_a_certificate_beside_another_key_is_none(tmp_path: Path, authority: Authority) -> None:
    folder = PairFolder(tmp_path, "client")
    key = folder.pending_key()
    folder.install(issued(authority, key), key, NOW)
    path = folder.current_path.resolve()
    certificate = path.read_bytes().split(b"-----BEGIN PRIVATE")[0]
    folder.pending_key()
    path.write_bytes(certificate + (tmp_path / "client.key.pending").read_bytes())
    assert folder.current() is None


def test_all_can_be_forgotten(tmp_path: Path, authority: Authority) -> None:
    client, serving = PairFolder(tmp_path, "client"), PairFolder(tmp_path, "serving")
    key = client.pending_key()
    client.install(issued(authority, key), key, NOW)
    client.pending_key()
    serving.pending_key()
    client.forget()
    assert [path.name for path in tmp_path.iterdir()] == ["serving.key.pending"]


def test_a_pair_that_cannot_be_read_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pairs = PairFolder(tmp_path, "serving")
    pairs.current_path.write_bytes(b"-----BEGIN CERT")
    for _ in range(3):
        assert pairs.current() is None
    (record,) = caplog.records
    assert "serving-current.pem: is no certificate with its key" in record.getMessage()
