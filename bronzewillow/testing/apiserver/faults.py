"""Faults that a test asks for: refusals, silence, a partition."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bronzewillow.testing.apiserver.refusals import Refused

Which = Callable[[str, str], bool]
"""Whether a request, by its method and path, is meant."""


@dataclass(slots=True)
class _Fault:
    which: Which
    refused: Refused | None
    left: int


class Faults:
    """All requests pass `pass_through` first."""

    def __init__(self) -> None:
        self._faults: list[_Fault] = []
        self._connected = asyncio.Event()
        self._connected.set()
        self.expires_by_code = False
        """Whether a watch from too long ago is answered with code 410, not with an ERROR event."""

    def refuse(self, refused: Refused, which: Which | None = None, *, times: int = 1) -> None:
        """Answer the next requests so."""
        self._faults.append(_Fault(which or _any, refused, times))

    def hang(self, which: Which | None = None, *, times: int = 1) -> None:
        """Never answer the next requests."""
        self._faults.append(_Fault(which or _any, None, times))

    def unavailable(self, which: Which | None = None, *, code: int = 503, times: int = 1) -> None:
        """Answer the next requests with a 5xx."""
        reasons = {500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}
        message = "the server is currently unable to handle the request"
        self.refuse(Refused(code, reasons.get(code, ""), message), which, times=times)

    def partition(self) -> None:
        """From now on nothing is answered, and watches are silent; connections stand."""
        self._connected.clear()

    def heal(self) -> None:
        """End the partition."""
        self._connected.set()

    async def connected(self) -> None:
        """Wait until there is no partition."""
        await self._connected.wait()

    async def pass_through(self, method: str, path: str) -> None:
        """Refused, or silence, or nothing."""
        await self.connected()
        for fault in self._faults:
            if fault.which(method, path):
                fault.left -= 1
                if not fault.left:
                    self._faults.remove(fault)
                if fault.refused is None:
                    await asyncio.Event().wait()
                else:
                    raise fault.refused
                return


def _any(method: str, path: str) -> bool:
    return True
