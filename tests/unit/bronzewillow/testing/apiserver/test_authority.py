from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bronzewillow.testing.apiserver.authority import Authority, Subject


def test_what_it_issues_is_signed_by_it() -> None:
    authority = Authority()
    ca = x509.load_pem_x509_certificate(authority.ca_pem)
    pair = authority.issue(Subject("system:node:a", ("system:nodes",)))
    certificate = x509.load_pem_x509_certificate(pair.certificate_pem)
    certificate.verify_directly_issued_by(ca)
    assert certificate.subject.rfc4514_string() == "CN=system:node:a,O=system:nodes"
    assert b"PRIVATE KEY" in pair.key_pem


def test_a_server_has_its_names() -> None:
    pair = Authority().issue(Subject("a", names=("localhost",), addresses=("127.0.0.1",)), server=True)
    certificate = x509.load_pem_x509_certificate(pair.certificate_pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_a_request_is_signed_for_its_key() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = Authority().sign(request, server=True, life=timedelta(hours=1))
    certificate = x509.load_pem_x509_certificate(pem)
    assert certificate.public_key() == key.public_key()
    assert certificate.not_valid_after_utc < datetime.now(UTC) + timedelta(hours=1)
