"""The kubeconfigs that we write; pure. `bronzewillow.kube.kubeconfig` reads them."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from bronzewillow.kube.access import Cluster
from kubelet.certificates.errors import InvalidArgument

_NAME = "bronzewillow"


def node_kubeconfig(cluster: Cluster, pair: Path) -> bytes:
    """That of a node: `pair` is one PEM file with its certificate and key, which renewal replaces."""
    return _kubeconfig(cluster, {"client-certificate": str(pair), "client-key": str(pair)})


def token_file_kubeconfig(cluster: Cluster, token_file: Path) -> bytes:
    """That of a ServiceAccount, whose token is renewed in a file."""
    return _kubeconfig(cluster, {"tokenFile": str(token_file)})


def https_server(text: str, where: str) -> str:
    """The URL of an API server, without a slash at its end; https is understood. InvalidArgument."""
    written = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(written)
        is_good = parts.scheme == "https" and bool(parts.hostname) and (parts.port or 443) > 0
    except ValueError:
        is_good = False
    if not is_good or "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidArgument(f"{where}: {text!r} is no address such as https://10.0.0.1:6443")
    return written.rstrip("/")


def _kubeconfig(cluster: Cluster, user: dict[str, str]) -> bytes:
    where = {
        "server": cluster.server,
        "certificate-authority-data": base64.b64encode(cluster.ca_pem).decode(),
    }
    if cluster.tls_server_name:
        where["tls-server-name"] = cluster.tls_server_name
    if cluster.proxy_url:
        where["proxy-url"] = cluster.proxy_url
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": _NAME,
            "clusters": [{"name": _NAME, "cluster": where}],
            "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": _NAME}}],
            "users": [{"name": _NAME, "user": user}],
        },
        sort_keys=False,
    ).encode()
