"""Something that others may change while we run, such as a file with certificates."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from kubelet.certificates.errors import IdentityError
from kubelet.clock import Clock

_log = logging.getLogger(__name__)


class Watch:
    """It is taken when two looks in a row have found the same, since a file may be half written.

    What cannot be read, or is not taken, leaves everything as it was, and is told of once.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[bytes]],
        take: Callable[[bytes], None],
        known: bytes,
        every_s: float,
        clock: Clock,
    ) -> None:
        """`known`: what has been taken already. `read` and `take` may raise IdentityError, OSError."""
        self._read, self._take = read, take
        self._taken = self._seen = known
        self._every_s, self._clock = every_s, clock
        self._told = ""

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self._clock.sleep(self._every_s)
            await self.look()

    async def look(self) -> None:
        """Look once whether there is something new."""
        try:
            found = await self._read()
            is_whole, self._seen = found == self._seen, found
            if is_whole and found != self._taken:
                self._take(found)
                self._taken = found
            self._told = "" if is_whole else self._told
        except (IdentityError, OSError) as error:
            if str(error) != self._told:
                self._told = str(error)
                _log.warning("%s: what was there before goes on to count", error)
