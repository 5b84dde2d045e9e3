from __future__ import annotations

import pytest

from kubelet.certificates.errors import InvalidArgument
from kubelet.certificates.server_url import https_server


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
