from __future__ import annotations

import base64
import subprocess
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key, generate_private_key

from kubelet.certificates.errors import InvalidArgument
from kubelet.certificates.requests import (
    check_node_name,
    client_request,
    is_for_key,
    request_name,
    request_object,
    request_pem,
    serving_request,
)

KEY = derive_private_key(1, SECP256R1())


def shown(pem: bytes) -> str:
    return subprocess.run(
        ["openssl", "req", "-noout", "-text", "-verify", "-nameopt", "RFC2253"],
        input=pem, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip


def test_the_client_request_is_the_node_and_nothing_more() -> None:
    text = shown(request_pem(client_request("mac-1"), KEY))
    assert "Subject: CN=system:node:mac-1,O=system:nodes" in text
    assert "Alternative" not in text
    spec = request_object(client_request("mac-1"), KEY)["spec"]
    assert spec["signerName"] == "kubernetes.io/kube-apiserver-client-kubelet"
    assert spec["usages"] == ["digital signature", "client auth"]


def test_the_serving_request_is_for_all_names_and_addresses() -> None:
    request = serving_request("mac-1", ("mac-1",), ("192.0.2.7", "2001:db8::7"))
    text = shown(request_pem(request, KEY))
    assert "DNS:mac-1, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7" in text
    spec = request_object(request, KEY)["spec"]
    assert spec["signerName"] == "kubernetes.io/kubelet-serving"
    assert spec["usages"] == ["digital signature", "server auth"]
    with pytest.raises(InvalidArgument):
        serving_request("mac-1", (), ())


def test_its_name_is_the_same_after_a_restart() -> None:
    request = client_request("mac-1")
    assert request_object(request, KEY)["metadata"]["name"] == request_name(request, KEY)
    # computed once by the rule in Go: RawURLEncoding of each part and a bar, SHA-512/256
    assert request_name(request, KEY) == "node-csr-VBgQ06VnqwLRAjJtx9gCAJQecXkqXZyp5_geQ8szGh0"
    names = {
        request_name(client_request("mac-2"), KEY),
        request_name(serving_request("mac-1", ("mac-1",), ()), KEY),
        request_name(serving_request("mac-1", ("mac-1",), ("192.0.2.7",)), KEY),
        request_name(request, generate_private_key(SECP256R1())),
    }
    assert len(names | {request_name(request, KEY)}) == 5


def test_a_found_request_is_ours_by_its_key() -> None:
    created = request_object(client_request("mac-1"), KEY)
    assert is_for_key(created, KEY)
    assert not is_for_key(created, generate_private_key(SECP256R1()))
    wrong: list[dict[str, Any]] = [
        {},
        {"spec": None},
        {"spec": {"request": "?"}},
        {"spec": {"request": base64.b64encode(b"x").decode()}},
    ]
    assert not any(is_for_key(one, KEY) for one in wrong)


@pytest.mark.parametrize("name", ["mac-1", "mac-1.example.com", "0", "a" * 52])
def test_what_a_node_can_be_called(name: str) -> None:
    assert check_node_name(name) == name
    assert x509.load_pem_x509_csr(request_pem(client_request(name), KEY)).is_signature_valid


@pytest.mark.parametrize("name", ["", "Mac", "mac_1", "-mac", "mac.", "a..b", "a" * 53, "mac\n"])
def test_what_it_cannot(name: str) -> None:
    with pytest.raises(InvalidArgument, match="--node-name"):
        check_node_name(name)
