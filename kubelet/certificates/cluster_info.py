"""What a cluster says of itself to anybody: the ConfigMap `cluster-info` in `kube-public`; pure.

Nothing in an answer is believed, or even looked at, before `check_signature` has been called on it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from bronzewillow.kube.access import Cluster
from kubelet.certificates.errors import InvalidArgument, NotTrusted
from kubelet.certificates.jws import is_signed
from kubelet.certificates.server_url import https_server
from kubelet.certificates.token import BootstrapToken

_KUBECONFIG = "kubeconfig"
_SIGNATURE = "jws-kubeconfig-"
_WHERE = "the kubeconfig in kube-public/cluster-info"


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """One answer, not trusted yet."""

    kubeconfig: str
    """The exact text that is signed."""
    signatures: Mapping[str, str]
    """By token ID."""


def parse_cluster_info(config_map: object) -> ClusterInfo:
    """Of the API object. InvalidArgument."""
    data = config_map.get("data") if isinstance(config_map, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get(_KUBECONFIG), str):
        raise InvalidArgument(
            "the ConfigMap kube-public/cluster-info has no kubeconfig: this cluster is not set up for "
            "bootstrap tokens; join with --kubeconfig"
        )
    signatures = {
        name.removeprefix(_SIGNATURE): value
        for name, value in data.items()
        if name.startswith(_SIGNATURE) and isinstance(value, str)
    }
    return ClusterInfo(data[_KUBECONFIG], signatures)


def check_signature(info: ClusterInfo, token: BootstrapToken) -> None:
    """NotTrusted unless who made `info` knows the token's secret."""
    signature = info.signatures.get(token.id)
    if signature is None:
        raise NotTrusted(
            f"the token {token.id} is not known or has expired: the cluster has not signed its cluster-info "
            "for it; make one with `kubeadm token create`"
        )
    if not is_signed(info.kubeconfig.encode(), signature, token):
        raise NotTrusted(
            f"the signature of cluster-info for the token {token.id} is wrong: the token's secret is not the "
            "cluster's, or another answers in its place"
        )


def cluster_of(info: ClusterInfo) -> Cluster:
    """The first cluster of its kubeconfig. InvalidArgument."""
    try:
        document: Any = yaml.safe_load(info.kubeconfig)
        cluster = document["clusters"][0]["cluster"]
        server, encoded = cluster["server"], cluster["certificate-authority-data"]
        authorities = base64.b64decode(encoded, validate=True)
    except (yaml.YAMLError, LookupError, TypeError, binascii.Error, ValueError, RecursionError):
        raise InvalidArgument(f"{_WHERE} has no server with a certificate authority") from None
    return Cluster(https_server(str(server), f"{_WHERE}: server"), authorities)
