"""Finding a cluster by an address and a token, and making sure that it is the one meant.

kubeadm's two checks, and one more: the second fetch trusts the pinned authorities alone, not the others of
their bundle, which until then only the token vouches for. Nothing secret is sent on the way.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bronzewillow.kube.access import Access, Cluster
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import Forbidden, KubeError, NotFound, Unauthorized, Unreachable
from bronzewillow.kube.identity import HeldIdentity
from bronzewillow.kube.resources import CONFIG_MAPS
from kubelet.certificates.cluster_info import ClusterInfo, check_signature, cluster_of, parse_cluster_info
from kubelet.certificates.errors import FailedPrecondition, IdentityError, NotTrusted, Unavailable
from kubelet.certificates.pins import pin_of, pinned
from kubelet.certificates.token import BootstrapToken

_log = logging.getLogger(__name__)
# what OpenSSL makes of plain HTTP, SSH and the like; its other errors may pass, as a load balancer's that has
# no server behind it yet
_NO_TLS = {
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a server that is not there yet, or that has not signed for a young token yet."""

    timeout_s: float = 30.0
    interval_s: float = 2.0


async def discover(
    server: str,
    token: BootstrapToken,
    pins: Collection[bytes],
    patience: Patience | None = None,
    warn: Callable[[str], None] = _log.warning,
) -> Cluster:
    """The cluster behind `server`, proven by the token and by a pin; without pins by the token alone. `warn`
    is given a line for each new cause of waiting.

    NotTrusted, Unavailable, FailedPrecondition, InvalidArgument.
    """
    # what is read on this connection is believed for its signature alone
    info = await _signed(Cluster(server, insecure=True), token, patience or Patience(), warn)
    cluster = cluster_of(info)
    if pins:
        again = await fetch_cluster_info(Cluster(server, _pinned_authorities(cluster, pins)))
        if again.kubeconfig != info.kubeconfig:
            raise NotTrusted(
                f"{server}: cluster-info is not the same once the connection is verified: something between "
                "here and the cluster changes it"
            )
    return await _reachable(server, cluster)


async def fetch_cluster_info(cluster: Cluster) -> ClusterInfo:
    """Ask as nobody. NotTrusted, Unavailable, FailedPrecondition, InvalidArgument."""
    try:
        async with KubeClient(Access(cluster, HeldIdentity()), timeout_s=15.0) as client:
            return parse_cluster_info(await client.get(CONFIG_MAPS, "cluster-info", "kube-public"))
    except (Unauthorized, Forbidden):
        raise FailedPrecondition(
            f"{cluster.server}: does not show kube-public/cluster-info to strangers; join with --kubeconfig"
        ) from None
    except NotFound:
        raise FailedPrecondition(
            f"{cluster.server}: has no kube-public/cluster-info; join with --kubeconfig"
        ) from None
    except Unreachable as error:
        failure = error.__cause__
        if isinstance(getattr(failure, "certificate_error", None), ssl.SSLError):
            raise NotTrusted(f"{cluster.server}: {failure}") from None
        if getattr(getattr(failure, "os_error", None), "reason", "") in _NO_TLS:
            raise FailedPrecondition(
                f"{cluster.server}: what answers there speaks no TLS; check the address, and that the port "
                "is the API server's, mostly 6443"
            ) from None
        raise Unavailable(f"{cluster.server}: {error.cause}") from None
    except KubeError as error:
        raise Unavailable(f"{cluster.server}: {str(error).removeprefix(f'{cluster.server}: ')}") from None


async def _signed(
    cluster: Cluster, token: BootstrapToken, patience: Patience, warn: Callable[[str], None]
) -> ClusterInfo:
    """A controller signs for a new token within seconds of its making."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience.timeout_s
    told: set[str] = set()
    while True:
        try:
            info = await fetch_cluster_info(cluster)
            if token.id in info.signatures or loop.time() >= deadline:
                check_signature(info, token)
                return info
            cause = f"{cluster.server}: it has not signed for the token {token.id} yet"
        except Unavailable as error:
            if loop.time() >= deadline:
                raise Unavailable(
                    f"{error}; check the address, and that its port (mostly 6443) can be reached from here"
                ) from None
            cause = str(error)
        if cause not in told:
            told.add(cause)
            warn(f"waiting for {cause}")
        await asyncio.sleep(patience.interval_s)


def _pinned_authorities(cluster: Cluster, pins: Collection[bytes]) -> bytes:
    """Those of the cluster's authorities that are pinned, in PEM."""
    try:
        authorities = x509.load_pem_x509_certificates(cluster.ca_pem)
    except ValueError:
        raise NotTrusted(f"{cluster.server}: its certificate authority is no certificate") from None
    if found := pinned(authorities, pins):
        return b"".join(one.public_bytes(Encoding.PEM) for one in found)
    theirs = ", ".join(f"sha256:{pin_of(one).hex()}" for one in authorities)
    raise NotTrusted(
        f"the certificate authority of {cluster.server} is {theirs}, which no --ca-cert-hash names: this is "
        "not the cluster that was meant, or its authority has changed"
    )


async def _reachable(server: str, cluster: Cluster) -> Cluster:
    """At the address that the cluster gives itself, if it answers there; else at the one that was given."""
    if cluster.server == server:
        return cluster
    try:
        await fetch_cluster_info(cluster)
    except IdentityError as error:
        _log.warning("the cluster calls itself %s, which does not answer here: %s", cluster.server, error)
        return Cluster(server, cluster.ca_pem)
    return cluster
