"""Certificate requests of a node: what is asked for, under which name, and the API object; pure but for the
signature, which an ECDSA key makes anew each time.

kubernetes/kubernetes pkg/apis/certificates/helpers.go has the signers' rules.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from kubelet.certificates.errors import InvalidArgument

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING_SIGNER = "kubernetes.io/kubelet-serving"
GROUP = "system:nodes"
USER_PREFIX = "system:node:"
LONGEST_NODE_NAME = 64 - len(USER_PREFIX)
"""RFC 5280 appendix A: ub-common-name."""

_YEAR_S = 365 * 24 * 3600
_NODE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@dataclass(frozen=True, slots=True)
class Request:
    """What a certificate is to say."""

    node_name: str
    signer: str
    dns_names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    @property
    def usages(self) -> tuple[str, str]:
        """Key encipherment is for RSA keys, and ours is none."""
        return ("digital signature", "client auth" if self.signer == CLIENT_SIGNER else "server auth")


def client_request(node_name: str) -> Request:
    """To be the node. No alternative names: the signer refuses them."""
    return Request(node_name, CLIENT_SIGNER)


def serving_request(node_name: str, names: tuple[str, ...], addresses: tuple[str, ...]) -> Request:
    """To serve port 10250 at all of these. InvalidArgument without any: the signer refuses it."""
    if not names and not addresses:
        raise InvalidArgument("a serving certificate needs a name or an address to be for")
    return Request(node_name, SERVING_SIGNER, tuple(sorted(names)), tuple(sorted(addresses)))


def check_node_name(name: str) -> str:
    """`name`, if a Node can have it and a certificate can say it. InvalidArgument."""
    if len(name) > LONGEST_NODE_NAME or not _NODE_NAME.fullmatch(name):
        raise InvalidArgument(
            f"node name {name!r}: expected letters a-z, digits, - and ., at most {LONGEST_NODE_NAME} in all, "
            "such as mac-1; choose one with --node-name"
        )
    return name


def subject(node_name: str) -> x509.Name:
    """The subject of the node's certificates, client and serving."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, GROUP),
            x509.NameAttribute(NameOID.COMMON_NAME, USER_PREFIX + node_name),
        ]
    )


def alternative_names(request: Request) -> x509.SubjectAlternativeName | None:
    """None where there are none."""
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in request.dns_names]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in request.addresses]
    return x509.SubjectAlternativeName(names) if names else None


def request_pem(request: Request, key: EllipticCurvePrivateKey) -> bytes:
    """The certificate request (PKCS #10) in PEM."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject(request.node_name))
    if (names := alternative_names(request)) is not None:
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def request_name(request: Request, key: EllipticCurvePrivateKey) -> str:
    """The same for the same request and key: who starts again finds what it asked for before.

    SHA-512/256 over each part in base64url and a bar: a kubelet's own rule for client certificates
    (kubernetes/kubernetes pkg/kubelet/certificate/bootstrap).
    """
    info = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    texts = (USER_PREFIX + request.node_name, GROUP, *request.usages, *request.dns_names, *request.addresses)
    digest = hashes.Hash(hashes.SHA512_256())
    for part in (info, *(text.encode() for text in texts)):
        digest.update(_encoded(part) + b"|")
    return f"node-csr-{_encoded(digest.finalize()).decode()}"


def request_object(request: Request, key: EllipticCurvePrivateKey) -> dict[str, Any]:
    """The CertificateSigningRequest to create."""
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": request_name(request, key)},
        "spec": {
            "signerName": request.signer,
            "request": base64.b64encode(request_pem(request, key)).decode(),
            "usages": list(request.usages),
            "expirationSeconds": _YEAR_S,
        },
    }


def is_for_key(created: dict[str, Any], key: EllipticCurvePrivateKey) -> bool:
    """Whether a CertificateSigningRequest found under our name asks for our key."""
    try:
        pem = base64.b64decode(created["spec"]["request"])
        theirs = x509.load_pem_x509_csr(pem).public_key()
    except (KeyError, TypeError, ValueError):
        return False
    return theirs == key.public_key()


def is_answered_by(request: Request, certificate: x509.Certificate) -> bool:
    """Whether `certificate` says what `request` asks for; that it says more besides is fine."""
    if certificate.subject != subject(request.node_name):
        return False
    wanted = set(alternative_names(request) or ())
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return not wanted
    return wanted <= set(names)


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
