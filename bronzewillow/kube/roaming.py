"""A machine that comes to another network: connections from an address that is gone hang for a minute."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from bronzewillow.host.source_address import source_address
from bronzewillow.kube.client import KubeClient

LOOK_EVERY_S = 2.0
_log = logging.getLogger(__name__)


async def follow_address(
    client: KubeClient,
    source_of: Callable[[str, int], str | None] = source_address,
    *,
    every_s: float = LOOK_EVERY_S,
) -> None:
    """New connections for `client` whenever our address towards its API server changes. Until cancelled."""
    parts = urlsplit(client.server)
    host, port = parts.hostname or "", parts.port or 443
    before: str | None = None
    while True:
        # a name is looked up, which may take its time
        address = await asyncio.to_thread(source_of, host, port)
        if address is not None and address != before:
            if before is not None:
                _log.info("we reach the API server from %s now, and not from %s", address, before)
                await client.reconnect()
            before = address
        await asyncio.sleep(every_s)
