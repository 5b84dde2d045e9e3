from __future__ import annotations

from typing import Any

import pytest

from kubelet.certificates.cluster_info import ClusterInfo, check_signature, cluster_of, parse_cluster_info
from kubelet.certificates.errors import InvalidArgument, NotTrusted
from kubelet.certificates.token import BootstrapToken
from kubelet.testing.detached import sign_detached

TOKEN = BootstrapToken("abcdef", "0123456789abcdef")
TEXT = """
apiVersion: v1
kind: Config
clusters:
- name: ""
  cluster: {server: "https://10.0.0.1:6443", certificate-authority-data: Q0E=}
"""


def config_map(text: str = TEXT) -> dict[str, Any]:
    return {"data": {"kubeconfig": text, "jws-kubeconfig-abcdef": sign_detached(text.encode(), TOKEN)}}


def test_a_signed_answer_names_the_cluster() -> None:
    info = parse_cluster_info(config_map())
    check_signature(info, TOKEN)
    cluster = cluster_of(info)
    assert (cluster.server, cluster.ca_pem) == ("https://10.0.0.1:6443", b"CA")


def test_a_wrong_secret_and_an_unknown_token_are_told_apart() -> None:
    info = parse_cluster_info(config_map())
    with pytest.raises(NotTrusted, match="is wrong"):
        check_signature(info, BootstrapToken("abcdef", "0" * 16))
    with pytest.raises(NotTrusted, match="the token ghijkl is not known or has expired"):
        check_signature(info, BootstrapToken("ghijkl", "0" * 16))


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"data": None}, {"data": {"kubeconfig": 1}}, {"data": {"other": ""}}]
)
def test_a_cluster_without_bootstrap_tokens_is_named_as_such(answer: object) -> None:
    with pytest.raises(InvalidArgument, match="--kubeconfig"):
        parse_cluster_info(answer)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: [",
        "clusters: []",
        "clusters: {}",
        TEXT.replace("server", "x"),
        TEXT.replace("Q0E=", "Q"),
        TEXT.replace("Q0E=", "3"),
        TEXT.replace("https", "http"),
    ],
)
def test_a_kubeconfig_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="cluster-info"):
        cluster_of(ClusterInfo(text, {}))
