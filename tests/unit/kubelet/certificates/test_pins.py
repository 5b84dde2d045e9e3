from __future__ import annotations

import subprocess

import pytest

from kubelet.certificates.errors import InvalidArgument
from kubelet.certificates.pins import parse_pin, pin_of, pinned

from .conftest import Authority


def test_a_pin_is_what_kubeadms_page_computes_with_openssl(authority: Authority) -> None:
    public = subprocess.run(
        ["openssl", "x509", "-pubkey", "-noout"], input=authority.pem, capture_output=True, check=True
    ).stdout
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "der"], input=public, capture_output=True, check=True
    ).stdout
    digest = subprocess.run(["openssl", "dgst", "-sha256"], input=der, capture_output=True, check=True).stdout
    assert parse_pin("sha256:" + digest.split()[-1].decode()) == pin_of(authority.certificate)


def test_only_what_is_pinned_is_taken_of_a_bundle(authority: Authority, another_authority: Authority) -> None:
    bundle = [another_authority.certificate, authority.certificate]
    assert pinned(bundle, {pin_of(authority.certificate)}) == [authority.certificate]
    assert pinned(bundle, ()) == []


@pytest.mark.parametrize(
    "text", ["", "sha256:", "sha256:00", "00" * 32, "sha512:" + "00" * 32, "sha256:" + "0g" * 32]
)
def test_what_is_no_pin_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="--ca-cert-hash"):
        parse_pin(text)
