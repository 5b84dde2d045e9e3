from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelet.certificates.jws import is_signed
from kubelet.certificates.token import BootstrapToken
from kubelet.testing.detached import sign_detached

TOKEN = BootstrapToken("abcdef", "0123456789abcdef")
CONTENT = b"apiVersion: v1\nkind: Config\n"


def forged(fields: object, token: BootstrapToken = TOKEN) -> str:
    return sign_detached(CONTENT, token, fields)


def test_a_signature_of_rfc_7515_with_the_secret_as_key_is_taken() -> None:
    assert is_signed(CONTENT, sign_detached(CONTENT, TOKEN), TOKEN)


@pytest.mark.parametrize(
    "detached",
    [
        forged({"alg": "none", "kid": "abcdef"}),
        forged({"alg": "HS512", "kid": "abcdef"}),
        forged({"alg": "HS256", "kid": "ghijkl"}),
        forged({"alg": "HS256"}),
        forged(["HS256"]),
        forged({"alg": "HS256", "kid": "abcdef"}, BootstrapToken("abcdef", "0123456789abcdeg")),
        forged({"alg": "HS256", "kid": "abcdef"}).replace("..", ".e30."),
        forged({"alg": "HS256", "kid": "abcdef"})[:-4],
        forged({"alg": "HS256", "kid": "abcdef"}) + "====",
        "..",
        "",
        "." * 10000,
        "é..é",
    ],
)
def test_all_else_is_not(detached: str) -> None:
    assert not is_signed(CONTENT, detached, TOKEN)


def test_other_content_is_not_signed() -> None:
    assert not is_signed(CONTENT + b"x", sign_detached(CONTENT, TOKEN), TOKEN)


@given(st.text())
def test_no_text_of_a_stranger_raises(text: str) -> None:
    assert not is_signed(CONTENT, text, TOKEN)


@given(st.binary())
def test_any_content_can_be_signed(content: bytes) -> None:
    assert is_signed(content, sign_detached(content, TOKEN), TOKEN)
