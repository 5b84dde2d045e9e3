"""The TLS of port 10250: its certificate and its clients' authorities change under open connections."""

from __future__ import annotations

import ssl
from pathlib import Path

from kubelet.certificates.errors import InvalidArgument


class ServingTls:
    """Give `context` to the server once; what `use` and `trust` say counts for every later connection.

    Clients may show a certificate and need not: many come with a token. One that is shown and is not of the
    clients' authorities ends the handshake.
    """

    def __init__(self) -> None:
        self.context = self._made()
        self.context.sni_callback = self._on_hello
        self._chosen = self.context
        self._pair: Path | None = None
        self._client_ca_pem = b""

    def use(self, pair: Path) -> None:
        """Show this certificate; its key is in the same file. InvalidArgument."""
        self._choose(pair, self._client_ca_pem)

    def trust(self, client_ca_pem: bytes) -> None:
        """Whose certificates clients may show; empty for nobody's. InvalidArgument."""
        self._choose(self._pair, client_ca_pem)

    def _choose(self, pair: Path | None, client_ca_pem: bytes) -> None:
        chosen = self._made()
        try:
            if pair is not None:
                chosen.load_cert_chain(pair)
            if client_ca_pem:
                chosen.load_verify_locations(cadata=client_ca_pem.decode("ascii", "replace"))
        except (OSError, ValueError) as error:
            what = pair if client_ca_pem == self._client_ca_pem else "the clients' authorities"
            raise InvalidArgument(f"{what}: cannot be used: {error}") from None
        self._chosen, self._pair, self._client_ca_pem = chosen, pair, client_ca_pem

    def _made(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.set_alpn_protocols(["http/1.1"])  # upgrades to SPDY and WebSocket are of HTTP/1.1
        return context

    def _on_hello(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        """Called for each handshake, whether the client names a server or not."""
        connection.context = self._chosen
