"""Identities: fixed in memory, replaced in memory, a token or a certificate in files that others renew."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bronzewillow.kube.access import Presented
from bronzewillow.kube.errors import BadCredentials

_REREAD_S = 60.0
_LONGEST_BYTES = 1 << 20


class HeldIdentity:
    """In memory; `replace` it when it is renewed, and new connections show the new one."""

    def __init__(self, presented: Presented | None = None) -> None:
        """Without credentials it is nobody: requests are anonymous."""
        self._presented = presented or Presented()

    def replace(self, presented: Presented) -> None:
        """From the next request on; `KubeClient.reconnect` ends what still runs with the old one."""
        self._presented = presented

    async def present(self) -> Presented:
        """The credentials, which never change."""
        return self._presented

    def forget(self) -> bool:
        """False: there are no better ones to come."""
        return False


class FileIdentity:
    """Files that somebody else renews: they are read again each minute, and after a 401."""

    def __init__(
        self,
        *,
        token: Path | None = None,
        certificate: Path | None = None,
        key: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`certificate` and `key` may be one file."""
        self._token, self._certificate, self._key = token, certificate, key
        self._clock = clock
        self._presented: Presented | None = None
        self._read_at = 0.0

    async def present(self) -> Presented:
        """The files' content, at most a minute old."""
        now = self._clock()
        if self._presented is None or now - self._read_at >= _REREAD_S:
            self._presented, self._read_at = self._read(), now
        return self._presented

    def forget(self) -> bool:
        """The files may be newer."""
        self._presented = None
        return True

    def _read(self) -> Presented:
        token = _content(self._token).decode("ascii", "replace").strip()
        if self._token is not None and not token:
            raise BadCredentials(f"{self._token}: is empty; a token is expected")
        return Presented(
            certificate_pem=_content(self._certificate), key_pem=_content(self._key), token=token
        )


def _content(path: Path | None) -> bytes:
    if path is None:
        return b""
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_BYTES)
    except OSError as error:
        raise BadCredentials(f"{path}: cannot be read: {error.strerror}") from None
