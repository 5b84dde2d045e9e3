"""TLS of :10250: a client certificate is asked for, not demanded; both sides' certificates can be renewed.

metrics-server and Prometheus come with a token alone. A context is chosen in each handshake, so that a
renewed certificate, or a new CA of clients, counts at once and no connection is dropped for it.
"""

from __future__ import annotations

import ssl
from pathlib import Path


class ServingTls:
    """The context to listen with; `show` and `trust` change what the next handshakes show and trust."""

    def __init__(self, pair: Path, client_ca: str) -> None:
        """`pair`: certificate chain and key in one PEM file. `client_ca`: PEM. OSError, ssl.SSLError."""
        self._pair, self._client_ca = pair, client_ca
        self._current = _context(pair, client_ca)
        self.context = _context(pair, client_ca)
        self.context.sni_callback = self._choose

    def show(self, pair: Path) -> None:
        """OSError and ssl.SSLError leave everything as it was."""
        self._current = _context(pair, self._client_ca)
        self._pair = pair

    def trust(self, client_ca: str) -> None:
        """OSError and ssl.SSLError leave everything as it was."""
        self._current = _context(self._pair, client_ca)
        self._client_ca = client_ca

    def _choose(self, socket: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        socket.context = self._current


def _context(pair: Path, client_ca: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pair)
    context.set_alpn_protocols(["http/1.1"])  # requests for logs must not come as HTTP/2
    if client_ca:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=client_ca)
    return context
