"""How far a CertificateSigningRequest has come; pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Pending:
    """Somebody has yet to approve or to sign it."""


@dataclass(frozen=True, slots=True)
class Issued:
    """The certificate, with its chain."""

    certificate_pem: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """It will never be signed."""

    reason: str


def progress_of(request: dict[str, Any]) -> Pending | Issued | Refused:
    """Of the API object. A certificate counts once the request is approved too."""
    status = request.get("status") or {}
    conditions = {one.get("type"): one for one in status.get("conditions") or ()}
    for kind, verb in (("Denied", "denied"), ("Failed", "failed")):
        if kind in conditions:
            found = conditions[kind]
            why = ": ".join(text for text in (found.get("reason"), found.get("message")) if text)
            return Refused(f"{verb}{f': {why}' if why else ''}")
    encoded = status.get("certificate")
    if "Approved" not in conditions or not encoded:
        return Pending()
    try:
        return Issued(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        return Refused("its certificate is not base64")
