"""Pins of certificate authorities: `sha256:` and the digest of a public key (RFC 7469 2.4) in hexadecimal."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kubelet.certificates.errors import InvalidArgument

_PIN = re.compile(r"sha256:([0-9a-fA-F]{64})")


def parse_pin(text: str) -> bytes:
    """The digest, 32 bytes. InvalidArgument."""
    found = _PIN.fullmatch(text.strip())
    if found is None:
        raise InvalidArgument(
            f"--ca-cert-hash {text!r}: expected sha256: and 64 hexadecimal digits; "
            "`kubeadm token create --print-join-command` prints it"
        )
    return bytes.fromhex(found[1])


def pin_of(certificate: x509.Certificate) -> bytes:
    """SHA-256 over the DER of its SubjectPublicKeyInfo."""
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).digest()


def pinned(certificates: Sequence[x509.Certificate], pins: Collection[bytes]) -> list[x509.Certificate]:
    """Those whose key is pinned. The others of a bundle prove nothing yet."""
    return [one for one in certificates if pin_of(one) in pins]
