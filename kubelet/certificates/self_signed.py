"""A certificate that vouches for itself: what port 10250 shows until the cluster has signed one."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from kubelet.certificates.requests import Request, alternative_names, subject

_LIFE = timedelta(days=365)
_CLOCKS_DIFFER = timedelta(hours=1)


def self_signed_pem(request: Request, key: EllipticCurvePrivateKey, now: datetime) -> bytes:
    """A certificate of the node's own making, valid for a year, in PEM."""
    name = subject(request.node_name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    if (names := alternative_names(request)) is not None:
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
