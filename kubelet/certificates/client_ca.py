"""Whose certificates callers of port 10250 may show.

The API server's own client certificate is signed by the authority that the ConfigMap
`kube-system/extension-apiserver-authentication` names. A node may not read it; a second identity may, if an
administrator lets it. Without that, the authority of the join counts, which in kubeadm's clusters is the same
one; where it is not (k3s), a file has to be given.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bronzewillow.kube.access import Access, Cluster
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import KubeError
from bronzewillow.kube.resources import CONFIG_MAPS
from kubelet.certificates.errors import IdentityError, InvalidArgument, Unavailable

NAMESPACE = "kube-system"
NAME = "extension-apiserver-authentication"
_KEY = "client-ca-file"
_BEGIN = b"-----BEGIN CERTIFICATE-----"
_ASK_S = 3.0
_FILE_EVERY_S = 5.0
_CLUSTER_EVERY_S = 60.0
_log = logging.getLogger(__name__)


class ClientCa:
    """A file's authorities, if one is given; else those that the cluster names; else its own."""

    def __init__(self, file: Path | None, account: Callable[[], Access | None], cluster: Cluster) -> None:
        """`account`: the network's, once there is one."""
        self._file, self._account, self._cluster = file, account, cluster
        self._is_named = False

    @property
    def every_s(self) -> float:
        """How often it is worth looking."""
        return _FILE_EVERY_S if self._file is not None else _CLUSTER_EVERY_S

    async def read(self) -> bytes:
        """In PEM. InvalidArgument: of the file. Unavailable: the cluster named them before, and is away."""
        if self._file is not None:
            return _authorities_of(self._file)
        account = self._account()
        if account is None:
            return self._cluster.ca_pem
        try:
            async with asyncio.timeout(_ASK_S), KubeClient(account) as client:
                found = await fetch_client_ca(client)
        except (TimeoutError, IdentityError) as error:
            why = str(error) or "no answer"
            if self._is_named:
                raise Unavailable(f"{NAMESPACE}/{NAME}: {why}") from None
            _log.debug("callers' certificates are those of the cluster's own authority: %s", why)
            return self._cluster.ca_pem
        self._is_named = True
        return found


def client_ca_of(config_map: dict[str, Any]) -> bytes:
    """The authorities that the ConfigMap names, in PEM. InvalidArgument."""
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
    if len(found) != pem.count(_BEGIN):
        raise InvalidArgument(f"{where}: a certificate is cut off")
    return b"".join(one.public_bytes(Encoding.PEM) for one in found)


async def fetch_client_ca(client: KubeClient) -> bytes:
    """As an identity that may read it. Unavailable, InvalidArgument."""
    try:
        return client_ca_of(await client.get(CONFIG_MAPS, NAME, NAMESPACE))
    except KubeError as error:
        raise Unavailable(str(error)) from None


def _authorities_of(file: Path) -> bytes:
    try:
        return checked_authorities(file.read_bytes(), str(file))
    except OSError as error:
        raise InvalidArgument(f"{file}: {error.strerror}") from None
