"""Joining a cluster: from a token, or an administrator's kubeconfig, to a node's own identity on disk.

Nothing is a member before the last step, and every step can be done again: a join that was cut short goes on
with the same key and the same request.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from bronzewillow.kube.access import Access, Cluster, Presented
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.errors import BadCredentials, Forbidden, KubeError, NotFound
from bronzewillow.kube.identity import HeldIdentity
from bronzewillow.kube.kubeconfig import load_kubeconfig
from bronzewillow.kube.resources import NODES
from kubelet.certificates.discovery import discover
from kubelet.certificates.pairs import Pair
from kubelet.certificates.requests import USER_PREFIX, client_request, is_answered_by
from kubelet.certificates.signing import approve_line, obtain
from kubelet.certificates.token import BootstrapToken
from kubelet.clock import Clock
from kubelet.membership.errors import MembershipError, UnreadableMembership
from kubelet.membership.home import Home, Membership
from kubelet.membership.network_account import request_token

_SIGNED_WITHIN_S = 3600.0
_log = logging.getLogger(__name__)
Say = Callable[[str], None]
"""A line for the user."""


@dataclass(frozen=True, slots=True)
class ByToken:
    """Joining with a bootstrap token."""

    server: str
    token: BootstrapToken
    pins: Collection[bytes]
    """Empty: the token alone vouches for the cluster."""


@dataclass(frozen=True, slots=True)
class ByKubeconfig:
    """With credentials that may ask for a node's certificate."""

    path: Path


async def join(
    how: ByToken | ByKubeconfig,
    node_name: str,
    home: Home,
    clock: Clock,
    say: Say,
    warn: Say = _log.warning,
) -> Membership:
    """What this machine is a member of, then; `warn` is told of a cluster that is waited for. Refusal."""
    if isinstance(how, ByToken):
        cluster = await discover(how.server, how.token, how.pins, warn=warn)
        say(f"the cluster is {cluster.server}")
        access = Access(cluster, HeldIdentity(Presented(token=how.token.bearer)))
    else:
        access = trusted_access(how.path)
    membership = Membership(node_name, access.cluster.server)
    check_is_free(home, membership, access.cluster)
    home.prepare()
    async with KubeClient(access) as client:
        await _have_certificate(client, access.cluster, node_name, home, clock, say)
        await _have_network_token(client, access.cluster, home, say)
    home.write(membership, access.cluster)
    return membership


def check_is_free(home: Home, wanted: Membership, cluster: Cluster) -> None:
    """A node of another cluster, or under another name, has to leave first: its pods, its Node and its Lease
    would stay there. A cluster is known by its address, and by its authority, as it may have many addresses.
    MembershipError.
    """
    try:
        found = home.membership()
    except UnreadableMembership:  # whose it was cannot be told any more
        return
    if found is None:
        return
    is_same = found.server == wanted.server
    with contextlib.suppress(MembershipError):  # without a kubeconfig the address alone tells
        is_same = is_same or home.access().cluster.ca_pem == cluster.ca_pem
    if not is_same or found.node_name != wanted.node_name:
        raise MembershipError(
            f"this machine is node {found.node_name} of {found.server}; to join otherwise, "
            "leave it first: bronzewillow leave (with --force, if that cluster is no more)"
        )


async def node_name_of(path: Path) -> str:
    """Of the node whose kubeconfig it is; empty for anybody else's. MembershipError."""
    access = trusted_access(path)
    try:
        shown = (await access.identity.present()).certificate_pem
        certificates = x509.load_pem_x509_certificates(shown) if shown else []
    except (KubeError, ValueError) as error:
        raise MembershipError(f"{path}: {error}") from None
    subjects = [one.subject.get_attributes_for_oid(NameOID.COMMON_NAME) for one in certificates[:1]]
    names = [str(name.value) for found in subjects for name in found]
    return next((name.removeprefix(USER_PREFIX) for name in names if name.startswith(USER_PREFIX)), "")


def trusted_access(path: Path) -> Access:
    """Of an administrator's kubeconfig. MembershipError."""
    try:
        access = load_kubeconfig(path)
    except BadCredentials as error:
        raise MembershipError(str(error)) from None
    if access.cluster.insecure or not access.cluster.server.startswith("https://"):
        raise MembershipError(
            f"{path}: the server must be https, and verified: a node's secrets come from there"
        )
    return access


async def _have_certificate(
    client: KubeClient, cluster: Cluster, node_name: str, home: Home, clock: Clock, say: Say
) -> None:
    """One that this cluster has issued to this node is kept."""
    request = client_request(node_name)
    pairs = home.client_pairs
    current = pairs.current()
    if (
        current is not None
        and current.is_valid(clock.wall())
        and is_answered_by(request, current.certificate)
        and await _is_known(cluster, current)
    ):
        say(
            f"this machine is {current.common_name} of that cluster already, until {current.not_after:%FT%TZ}"
        )
        return
    key = pairs.pending_key()

    def on_pending(name: str) -> None:
        say(f"waiting for a certificate; if none comes, an administrator runs: {approve_line(name)}")

    issued = await obtain(client, request, key, _SIGNED_WITHIN_S, on_pending)
    pair = pairs.install(issued, key, clock.wall())
    say(f"this machine is {pair.common_name} until {pair.not_after:%FT%TZ}")


async def _is_known(cluster: Cluster, pair: Pair) -> bool:
    """Whether the cluster takes it: another one would not. Unavailable clusters are asked later."""
    identity = HeldIdentity(Presented(certificate_pem=pair.pem, key_pem=pair.pem))
    try:
        async with KubeClient(Access(cluster, identity)) as client:
            await client.get(NODES, pair.common_name.removeprefix(USER_PREFIX))
    except NotFound:  # it may look, and there is no Node yet
        return True
    except KubeError:
        return False
    return True


async def _have_network_token(client: KubeClient, cluster: Cluster, home: Home, say: Say) -> None:
    """Not every cluster is set up for it: pods' addresses can come of a configuration too."""
    try:
        token = await request_token(client)
    except (Forbidden, NotFound):
        say(
            "no identity for the network: the cluster is not set up for it; an administrator runs: "
            "bronzewillow join --print-setup | kubectl apply -f -"
        )
        return
    except KubeError as error:
        raise MembershipError(str(error)) from None
    home.write_network_token(cluster, token)
    say(f"the network's identity is in {home.network_kubeconfig}")
