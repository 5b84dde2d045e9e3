"""What a pod port is joined to, and how much a stranger may ask of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from ipaddress import ip_address

# sockaddr_un.sun_path, less the closing zero: 108 bytes on Linux, 104 on macOS and the BSDs.
MAX_UNIX_PATH_BYTES = 107 if sys.platform == "linux" else 103


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the bytes of a pod port go: a unix socket, or a TCP address of this machine."""

    path: str | None = None
    """Absolute path of a unix socket; None for TCP."""
    host: str | None = None
    """Host name or address; None for a unix socket."""
    port: int = 0
    """TCP port, 1 to 65535; 0 for a unix socket."""

    def __post_init__(self) -> None:
        if (self.path is None) == (self.host is None):
            raise ValueError("upstream: give either a unix socket path or a TCP host, not both")
        if self.path is not None:
            if not self.path.startswith("/"):
                raise ValueError(f"upstream unix:{self.path}: the path of a unix socket must be absolute")
            if "\0" in self.path:
                raise ValueError("upstream unix: the path of a unix socket must not hold a zero byte")
            length = len(self.path.encode("utf-8", "surrogateescape"))
            if length > MAX_UNIX_PATH_BYTES:
                raise ValueError(
                    f"upstream unix:{self.path}: {length} bytes long, "
                    f"this system allows {MAX_UNIX_PATH_BYTES}; choose a shorter run folder"
                )
        elif not self.host:
            raise ValueError("upstream tcp: the host is missing; write tcp:HOST:PORT")
        elif not _may_be_host(self.host):
            raise ValueError(f"upstream tcp:{self.host!r}: is no host name")
        elif not 0 < self.port < 65536:
            raise ValueError(f"upstream tcp:{self.host}: port {self.port} is not between 1 and 65535")

    @classmethod
    def parse(cls, text: str) -> Upstream:
        """Read `unix:/run/x.sock`, `tcp:127.0.0.1:9000` or `tcp:[::1]:9000`; ValueError in one line."""
        kind, _, rest = text.partition(":")
        if kind == "unix":
            return cls(path=rest)
        if kind != "tcp":
            raise ValueError(f"upstream {text!r}: must begin with unix: or tcp:")
        host, colon, port = rest.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit() or len(port) > 5:
            raise ValueError(f"upstream {text!r}: write tcp:HOST:PORT")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
            try:
                ip_address(host)
            except ValueError:
                raise ValueError(f"upstream {text!r}: {host!r} in brackets is not an IPv6 address") from None
        elif ":" in host:
            raise ValueError(f"upstream {text!r}: write an IPv6 address in brackets, tcp:[ADDRESS]:PORT")
        return cls(host=host, port=int(port))

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return (
            f"tcp:[{self.host}]:{self.port}" if ":" in (self.host or "") else f"tcp:{self.host}:{self.port}"
        )


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of one HTTP port. The defaults fit a model that answers in seconds to minutes."""

    header_bytes: int = 32_768
    """Bytes of request line and header fields; more is answered with 431."""
    body_bytes: int = 67_108_864
    """Bytes of a request body, declared or counted; more is answered with 413. Images travel inline."""
    early_body_bytes: int = 65_536
    """Bytes of a body that are collected before the request takes a turn: most bodies are whole by then."""
    body_timeout_s: float = 60.0
    """Seconds between two reads of a request's body; then 408."""
    connections: int = 1_024
    """Client connections at a time; more are answered with 503 and closed."""
    concurrent_requests: int = 16
    """Requests at work on the upstream at a time; GET, HEAD and OPTIONS do not count (probes, metrics)."""
    queue_length: int = 64
    """Requests that wait for their turn, first come first served; more are answered with 429."""
    queue_wait_s: float = 30.0
    """Seconds that a request waits for its turn before it is answered with 429."""
    connect_timeout_s: float = 5.0
    """Seconds to reach the upstream; then 504."""
    first_byte_timeout_s: float = 600.0
    """Seconds from the sent request to the response's head; then 504. It may be a whole generation."""
    idle_timeout_s: float = 300.0
    """Seconds without a byte of the response, or taken by a slow client or of the request by the upstream."""
    keep_alive_s: float = 75.0
    """Seconds that a client's connection may stay open without a request."""
    header_timeout_s: float = 15.0
    """Seconds from the first byte of a request to the end of its head; then 408."""
    upstream_keep_alive_s: float = 4.0
    """Seconds to keep an idle upstream connection; less than llama-server's own 5: we close first."""
    upstream_idle_connections: int = 32
    """Idle upstream connections kept for reuse."""
    expect_wait_s: float = 1.0
    """Seconds to wait for the upstream's 100 Continue before the body is asked for all the same."""
    retry_after_s: int = 1
    """Seconds told to a client in Retry-After."""

    def __post_init__(self) -> None:
        _check_positive(self, allow_zero=("queue_length", "upstream_idle_connections"))


@dataclass(frozen=True, slots=True)
class RelayLimits:
    """Limits of one opaque TCP port."""

    connections: int = 1_024
    """Client connections at a time; more are reset."""
    connect_timeout_s: float = 5.0
    """Seconds to reach the upstream; then the client is reset."""
    idle_timeout_s: float = 3_600.0
    """Seconds without a byte in either direction; then both connections are reset."""
    buffer_bytes: int = 262_144
    """Bytes held for a slow upstream before its client is paused."""

    def __post_init__(self) -> None:
        _check_positive(self, allow_zero=())


def _may_be_host(text: str) -> bool:
    try:
        text.encode("idna")  # as the resolver will: no empty label, none above 63 bytes
    except UnicodeError:
        return False
    return text.isprintable()


def _check_positive(limits: HttpLimits | RelayLimits, allow_zero: tuple[str, ...]) -> None:
    for field in fields(limits):
        value = getattr(limits, field.name)
        if value < 0 or (value == 0 and field.name not in allow_zero):
            raise ValueError(f"{field.name} = {value}: must be greater than zero")
