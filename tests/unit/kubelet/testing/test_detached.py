from __future__ import annotations

import base64
import json

from kubelet.certificates.token import BootstrapToken
from kubelet.testing.detached import sign_detached

TOKEN = BootstrapToken("abcdef", "0123456789abcdef")


def test_its_form() -> None:
    header, empty, signature = sign_detached(b"content", TOKEN).split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "HS256", "kid": "abcdef"}
    assert (empty, len(base64.urlsafe_b64decode(signature + "="))) == ("", 32)


def test_content_and_header_are_signed() -> None:
    made = {
        sign_detached(b"content", TOKEN).rpartition(".")[2],
        sign_detached(b"other", TOKEN).rpartition(".")[2],
        sign_detached(b"content", TOKEN, []).rpartition(".")[2],
    }
    assert len(made) == 3
