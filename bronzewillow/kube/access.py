"""Where the API server is, and who we are to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Cluster:
    """How to reach one API server, or what stands before several."""

    server: str
    """Such as `https://192.0.2.10:6443`, without a slash at the end."""
    ca_pem: bytes = b""
    """Whose certificates count; empty for the system's own list."""
    tls_server_name: str = ""
    """The name that its certificate has; empty for the one in `server`."""
    insecure: bool = False
    """Any certificate counts. Only for reading what is checked in another way."""
    proxy_url: str = ""
    """An HTTP proxy on the way; empty for what the environment says."""


@dataclass(frozen=True, slots=True)
class Presented:
    """What shows who we are; all empty for nobody (`system:anonymous`)."""

    certificate_pem: bytes = b""
    """With the chain behind it."""
    key_pem: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)


class Identity(Protocol):
    """Somebody, over time: what is presented changes as certificates and tokens are renewed."""

    async def present(self) -> Presented:
        """As of now; asked before every request, so it keeps what it has. BadCredentials."""

    def forget(self) -> bool:
        """The API server did not know us (401): whether `present` may bring something better next time."""


@dataclass(frozen=True, slots=True)
class Access:
    """All that a client needs."""

    cluster: Cluster
    identity: Identity
