"""What a node keeps on disk; all for its owner alone.

node.json              the node's name, and how it joined
kubeconfig             the node's access; names pki/client-current.pem
network-kubeconfig     the network agent's access; names network-token
network-token          renewed by llm-kubelet
pki/                   certificates with their keys (kubelet.certificates.pairs)
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from bronzewillow.host.files import replace_file
from bronzewillow.host.parsing import parse_json
from bronzewillow.host.paths import make_private
from bronzewillow.kube.access import Access, Cluster
from bronzewillow.kube.errors import BadCredentials
from bronzewillow.kube.kubeconfig import emit_kubeconfig, load_kubeconfig
from kubelet.certificates.pairs import PairFolder
from kubelet.membership.errors import MembershipError, UnreadableMembership


@dataclass(frozen=True, slots=True)
class Membership:
    """What a node must know of itself to start again."""

    node_name: str
    server: str


class Home:
    """The folder of one node."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def kubeconfig(self) -> Path:
        """The node's own access to the cluster."""
        return self.folder / "kubeconfig"

    @property
    def network_kubeconfig(self) -> Path:
        """The network agent's; there once the cluster has given a token."""
        return self.folder / "network-kubeconfig"

    @property
    def network_token(self) -> Path:
        """The network agent's."""
        return self.folder / "network-token"

    @property
    def client_pairs(self) -> PairFolder:
        """The certificates by which the node is known to the cluster."""
        return PairFolder(self._pki, "client")

    @property
    def serving_pairs(self) -> PairFolder:
        """What port 10250 shows, signed by the cluster."""
        return PairFolder(self._pki, "serving")

    @property
    def own_pairs(self) -> PairFolder:
        """What port 10250 shows, signed by ourselves."""
        return PairFolder(self._pki, "self-signed")

    def membership(self) -> Membership | None:
        """None on a machine that has not joined. MembershipError."""
        path = self._membership
        try:
            found = parse_json(path.read_bytes())
            return Membership(str(found["node_name"]), str(found["server"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableMembership(
                f"{path}: cannot be read ({error}); bronzewillow join writes it anew, "
                "bronzewillow leave --force forgets the cluster"
            ) from None

    def access(self) -> Access:
        """The node's. MembershipError."""
        try:
            return load_kubeconfig(self.kubeconfig)
        except BadCredentials as error:
            raise MembershipError(str(error)) from None

    def prepare(self) -> None:
        """Make the folder, for its owner alone."""
        make_private(self.folder)
        self.folder.chmod(0o700)

    def write(self, membership: Membership, cluster: Cluster) -> None:
        """It has joined. The order is such that who is killed in between has not."""
        pair = self.client_pairs.current_path
        replace_file(self.kubeconfig, emit_kubeconfig(cluster, certificate=pair, key=pair), private=True)
        replace_file(self._membership, json.dumps(asdict(membership)).encode(), private=True)

    def write_network_token(self, cluster: Cluster, token: str) -> None:
        """The network agent reads it again each minute."""
        replace_file(self.network_token, token.encode(), private=True)
        replace_file(
            self.network_kubeconfig, emit_kubeconfig(cluster, token=self.network_token), private=True
        )

    def forget(self) -> None:
        """It has left: who it was goes last, so that a leave that is cut short can be done again."""
        paths = (self.network_kubeconfig, self.network_token, self.kubeconfig)
        for path in paths:
            path.unlink(missing_ok=True)
        for pairs in (self.serving_pairs, self.own_pairs, self.client_pairs):
            pairs.forget()
        self._membership.unlink(missing_ok=True)

    @property
    def _membership(self) -> Path:
        return self.folder / "node.json"

    @property
    def _pki(self) -> Path:
        return self.folder / "pki"
