from __future__ import annotations

from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.x509 import load_pem_x509_certificate

from kubelet.certificates.requests import is_answered_by, serving_request
from kubelet.certificates.self_signed import self_signed_pem

from .conftest import NOW

REQUEST = serving_request("mac-1", ("mac-1",), ("192.0.2.7",))


def test_it_is_for_the_nodes_names_and_vouches_for_itself() -> None:
    certificate = load_pem_x509_certificate(self_signed_pem(REQUEST, derive_private_key(1, SECP256R1()), NOW))
    certificate.verify_directly_issued_by(certificate)
    assert is_answered_by(REQUEST, certificate)
    assert is_answered_by(serving_request("mac-1", ("mac-1",), ()), certificate)
    assert not is_answered_by(serving_request("mac-1", ("mac-1",), ("192.0.2.8",)), certificate)
    assert not is_answered_by(serving_request("mac-2", ("mac-1",), ()), certificate)


def test_a_clock_that_is_behind_sees_it_as_valid() -> None:
    certificate = load_pem_x509_certificate(self_signed_pem(REQUEST, derive_private_key(1, SECP256R1()), NOW))
    assert certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc - timedelta(days=364)
