from __future__ import annotations

import base64
import hashlib
import hmac

import yaml

from bronzewillow.kube.resources import CONFIG_MAPS, SECRETS
from bronzewillow.testing.apiserver import bootstrap, seed
from bronzewillow.testing.apiserver.server import ApiServer

TOKEN = "abcdef.0123456789abcdef"


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def test_a_signature_can_be_checked_with_the_tokens_secret() -> None:
    header, nothing, signature = bootstrap.detached_jws("payload", TOKEN).split(".")
    assert nothing == ""
    assert base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)) == b'{"alg":"HS256","kid":"abcdef"}'
    signed = f"{header}.{unpadded(b'payload')}".encode()
    assert signature == unpadded(hmac.new(b"0123456789abcdef", signed, hashlib.sha256).digest())


def test_each_token_that_may_sign_does(server: ApiServer) -> None:
    server.make(CONFIG_MAPS, bootstrap.cluster_info("https://a:6443", b"CA"))
    for resource, obj in seed.for_joining(TOKEN):
        server.make(resource, obj)
    found = server.store.get(CONFIG_MAPS, "kube-public", "cluster-info")
    assert found is not None
    data = found["data"]
    assert data["jws-kubeconfig-abcdef"] == bootstrap.detached_jws(data["kubeconfig"], TOKEN)
    cluster = yaml.safe_load(data["kubeconfig"])["clusters"][0]["cluster"]
    assert cluster == {"server": "https://a:6443", "certificate-authority-data": "Q0E="}
    secret = server.store.get(SECRETS, "kube-system", "bootstrap-token-abcdef")
    assert secret is not None
    server.store.remove(SECRETS, secret)
    bootstrap.sign(server.store)
    found = server.store.get(CONFIG_MAPS, "kube-public", "cluster-info")
    assert found is not None
    assert [*found["data"]] == ["kubeconfig"]
