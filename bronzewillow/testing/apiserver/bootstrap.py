"""`cluster-info`, which strangers read before they trust the server: a kubeconfig, signed with each token."""

from __future__ import annotations

import base64
import hmac
from typing import Any

import yaml

from bronzewillow.kube.resources import CONFIG_MAPS, SECRETS, Object
from bronzewillow.testing.apiserver.store import Store


def cluster_info(server: str, ca_pem: bytes) -> Object:
    """The ConfigMap as kubeadm writes it, not signed yet."""
    cluster = {"certificate-authority-data": base64.b64encode(ca_pem).decode(), "server": server}
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "clusters": [{"cluster": cluster, "name": ""}],
        "contexts": None,
        "current-context": "",
        "kind": "Config",
        "preferences": {},
        "users": None,
    }
    metadata = {"name": "cluster-info", "namespace": "kube-public"}
    return {"metadata": metadata, "data": {"kubeconfig": yaml.safe_dump(config)}}


def detached_jws(payload: str, token: str) -> str:
    """HS256 over `payload`, which is left out (RFC 7515 appendix F)."""
    header = f'{{"alg":"HS256","kid":"{token.partition(".")[0]}"}}'
    signed = f"{_encode(header.encode())}.{_encode(payload.encode())}"
    secret = token.partition(".")[2]  # the key, without the ID
    signature = hmac.digest(secret.encode(), signed.encode(), "sha256")
    return f"{_encode(header.encode())}..{_encode(signature)}"


def sign(store: Store) -> None:
    """The bootstrap signer: a signature for each token that may sign, and no others."""
    found = store.get(CONFIG_MAPS, "kube-public", "cluster-info")
    if found is None:
        return
    kubeconfig = found["data"]["kubeconfig"]
    data = {"kubeconfig": kubeconfig}
    for secret in store.list(SECRETS, "kube-system"):
        fields = {key: base64.b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}
        if fields.get("usage-bootstrap-signing") == "true":
            identifier = fields["token-id"]
            token = f"{identifier}.{fields['token-secret']}"
            data[f"jws-kubeconfig-{identifier}"] = detached_jws(kubeconfig, token)
    if found["data"] != data:
        store.put(CONFIG_MAPS, {**found, "data": data})


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
