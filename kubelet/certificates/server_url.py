"""Addresses of API servers, as users write them; pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from kubelet.certificates.errors import InvalidArgument


def https_server(text: str, where: str) -> str:
    """The URL of an API server, without a slash at its end; https is understood. InvalidArgument."""
    written = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(written)
        is_good = parts.scheme == "https" and bool(parts.hostname) and (parts.port or 443) > 0
    except ValueError:
        is_good = False
    if not is_good or "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidArgument(f"{where}: {text!r} is no address such as https://10.0.0.1:6443")
    return written.rstrip("/")
