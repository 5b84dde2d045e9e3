"""Detached JSON Web Signatures with HMAC-SHA256 (RFC 7515 appendix F), as clusters sign `cluster-info`.

The key is the token's secret alone, without its ID (kubernetes/kubernetes pkg/controller/bootstrap).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json

from kubelet.certificates.token import BootstrapToken

_LONGEST = 4096


def is_signed(content: bytes, detached: str, token: BootstrapToken) -> bool:
    """Whether `detached` is a signature of `content` by `token`; False for all else. Constant time."""
    header, _, rest = detached.partition(".")
    empty, _, signature = rest.partition(".")
    if empty or len(detached) > _LONGEST:
        return False
    try:
        fields = json.loads(_decoded(header))
        given = _decoded(signature)
    except (ValueError, RecursionError):
        return False
    # RFC 7515 10.6: who verifies chooses the algorithm, not the message
    if not isinstance(fields, dict) or fields.get("alg") != "HS256" or fields.get("kid") != token.id:
        return False
    return hmac.compare_digest(given, _signature(header, content, token))


def _signature(header: str, content: bytes, token: BootstrapToken) -> bytes:
    signed = f"{header}.{_encoded(content)}".encode("ascii")
    return hmac.new(token.secret.encode(), signed, hashlib.sha256).digest()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    """base64url without padding, as JWS has it. ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
