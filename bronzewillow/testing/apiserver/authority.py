"""A certificate authority of a cluster, and what it issues."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_KEY_USAGE_OFF = {
    "content_commitment": False,
    "key_encipherment": False,
    "data_encipherment": False,
    "key_agreement": False,
    "key_cert_sign": False,
    "crl_sign": False,
    "encipher_only": False,
    "decipher_only": False,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate is for."""

    common_name: str
    organizations: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """DNS names."""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)


class Authority:
    """Signs with a P-256 key."""

    def __init__(self, common_name: str = "kubernetes") -> None:
        """Valid for ten years."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        now = datetime.now(UTC)
        self._identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        certificate = (
            self._builder(self._name, self._key.public_key(), now, timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(digital_signature=True, **{**_KEY_USAGE_OFF, "key_cert_sign": True}),
                critical=True,
            )
            .add_extension(self._identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.ca_pem = certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def pair(self) -> Pair:
        """Its own certificate and key, for programs that sign with them."""
        return Pair(self.ca_pem, _key_pem(self._key))

    def issue(self, subject: Subject, *, life: timedelta = timedelta(days=365), server: bool = False) -> Pair:
        """A new key with a certificate for a client, or for a server."""
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [
            *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in subject.organizations),
            x509.NameAttribute(NameOID.COMMON_NAME, subject.common_name),
        ]
        alternatives: list[x509.GeneralName] = [
            *map(x509.DNSName, subject.names),
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in subject.addresses),
        ]
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        pem = self._sign(x509.Name(attributes), key.public_key(), alternatives, [usage], life)
        return Pair(
            pem,
            _key_pem(key),
        )

    def sign(self, request: x509.CertificateSigningRequest, *, server: bool, life: timedelta) -> bytes:
        """The certificate that `request` asks for, in PEM."""
        try:
            extension = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            alternatives = list(extension.value)
        except x509.ExtensionNotFound:
            alternatives = []
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        return self._sign(request.subject, request.public_key(), alternatives, [usage], life)

    def _sign(
        self,
        subject: x509.Name,
        public_key: object,
        alternatives: Sequence[x509.GeneralName],
        usages: list[x509.ObjectIdentifier],
        life: timedelta,
    ) -> bytes:
        # Five minutes back, as the signers of kube-controller-manager do: clocks differ.
        builder = (
            self._builder(subject, public_key, datetime.now(UTC) - timedelta(minutes=5), life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(digital_signature=True, **_KEY_USAGE_OFF), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._identifier),
                critical=False,
            )
        )
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)

    def _builder(
        self, subject: x509.Name, public_key: object, begin: datetime, life: timedelta
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)  # type: ignore[arg-type]
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + life)
        )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
