"""Detached signatures, as clusters make them of `cluster-info` (RFC 7515 appendix F), right and wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from kubelet.certificates.token import BootstrapToken


def sign_detached(content: bytes, token: BootstrapToken, header: object = None) -> str:
    """`header..signature` of `content`, under another header where one is given."""
    fields = {"alg": "HS256", "kid": token.id} if header is None else header
    head, payload = _encoded(json.dumps(fields).encode()), _encoded(content)
    signature = hmac.new(token.secret.encode(), f"{head}.{payload}".encode(), hashlib.sha256).digest()
    return f"{head}..{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
