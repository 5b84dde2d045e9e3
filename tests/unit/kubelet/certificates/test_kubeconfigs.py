from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bronzewillow.kube.access import Cluster
from kubelet.certificates.errors import InvalidArgument
from kubelet.certificates.kubeconfigs import https_server, node_kubeconfig, token_file_kubeconfig

CLUSTER = Cluster("https://10.0.0.1:6443", b"CA")


def test_a_nodes_kubeconfig_names_one_file_that_renewal_replaces() -> None:
    document = yaml.safe_load(node_kubeconfig(CLUSTER, Path("/state/client-current.pem")))
    assert document["users"][0]["user"] == {
        "client-certificate": "/state/client-current.pem",
        "client-key": "/state/client-current.pem",
    }
    assert document["clusters"][0]["cluster"] == {
        "server": "https://10.0.0.1:6443",
        "certificate-authority-data": "Q0E=",
    }


def test_a_tokens_kubeconfig_names_its_file() -> None:
    cluster = Cluster("https://10.0.0.1", b"CA", tls_server_name="api", proxy_url="http://proxy:3128")
    document = yaml.safe_load(token_file_kubeconfig(cluster, Path("/state/network-token")))
    assert document["users"][0]["user"] == {"tokenFile": "/state/network-token"}
    assert document["clusters"][0]["cluster"]["tls-server-name"] == "api"
    assert document["clusters"][0]["cluster"]["proxy-url"] == "http://proxy:3128"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("10.0.0.1:6443", "https://10.0.0.1:6443"),
        ("https://api.example/", "https://api.example"),
        ("https://[2001:db8::1]:6443", "https://[2001:db8::1]:6443"),
        ("https://rancher.example/k8s/clusters/c-1", "https://rancher.example/k8s/clusters/c-1"),
    ],
)
def test_https_is_understood(given: str, url: str) -> None:
    assert https_server(given, "--server") == url


@pytest.mark.parametrize(
    "given", ["", "http://10.0.0.1", "https://", "https://u:p@x", "https://x:99999", "https://x/?a", "[::"]
)
def test_anything_but_https_is_refused(given: str) -> None:
    with pytest.raises(InvalidArgument, match="--server: "):
        https_server(given, "--server")
