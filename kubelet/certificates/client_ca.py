"""Whose certificates callers of port 10250 may show.

The API server's own client certificate is signed by the authority that the ConfigMap
`kube-system/extension-apiserver-authentication` names. A node may not read it; a second identity may, if an
administrator lets it. Without that, the authority of the join counts, which in kubeadm's clusters is the same
one; where it is not (k3s), a file has to be given.
"""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import KubeError
from bronzewillow.kube.resources import CONFIG_MAPS
from kubelet.certificates.errors import InvalidArgument, Unavailable

NAMESPACE = "kube-system"
NAME = "extension-apiserver-authentication"
_KEY = "client-ca-file"


def client_ca_of(config_map: dict[str, Any]) -> bytes:
    """In PEM. InvalidArgument."""
    text = (config_map.get("data") or {}).get(_KEY)
    if not isinstance(text, str):
        raise InvalidArgument(f"the ConfigMap {NAMESPACE}/{NAME} has no {_KEY}")
    return checked_authorities(text.encode(), f"{NAMESPACE}/{NAME}: {_KEY}")


def checked_authorities(pem: bytes, where: str) -> bytes:
    """`pem`, without what stands around its certificates. InvalidArgument."""
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise InvalidArgument(f"{where}: no certificates in PEM") from None
    return b"".join(one.public_bytes(Encoding.PEM) for one in found)


async def fetch_client_ca(client: KubeClient) -> bytes:
    """As an identity that may read it. Unavailable, InvalidArgument."""
    try:
        return client_ca_of(await client.get(CONFIG_MAPS, NAME, NAMESPACE))
    except KubeError as error:
        raise Unavailable(str(error)) from None
