"""The demo's other node: an overlay peer of the model node, in this process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

from bronzewillow.agent.capture import Capture
from bronzewillow.agent.client import PodConnector
from bronzewillow.agent.net import Net
from bronzewillow.demo.layout import (
    CLUSTER_CIDR,
    CLUSTER_MAC,
    NODE_CIDR,
    NODE_MAC,
    POD_ADDRESS,
    POD_PORT,
    VNI,
)
from bronzewillow.host.paths import open_private
from bronzewillow.host.splice import CLIENT, UPSTREAM, Splice
from bronzewillow.host.tasks import spawn
from bronzewillow.overlay.spec import OverlaySpec, Peer
from bronzewillow.wire.encap import Encap

_LOOPBACK = socket.inet_aton("127.0.0.1")
_IDLE_S = 3600.0


class ClusterSide:
    """A node that has no pods: it dials the model node's pod over VXLAN, and captures what passes."""

    def __init__(self, port: int, model_port: int, pcap: Path) -> None:
        """Binds 127.0.0.1:`port` and writes to `pcap`; the model node is at 127.0.0.1:`model_port`."""
        peer = Peer("model-node", _LOOPBACK, model_port, NODE_MAC, (NODE_CIDR,))
        self.net = Net(
            OverlaySpec(Encap.VXLAN, _LOOPBACK, port, VNI, (CLUSTER_CIDR,), CLUSTER_MAC, 1450, (peer,))
        )
        try:
            self._file = open_private(pcap)
        except OSError:
            self.net.close()
            raise
        self._capture = Capture(self.net.node, file=self._file)
        self._forward: asyncio.Server | None = None

    def connector(self) -> PodConnector:
        """For an aiohttp client that dials pod addresses."""
        return PodConnector(self.net)

    @property
    def retransmits(self) -> int:
        """TCP segments that this side sent again."""
        return sum(stack.counters.retransmitted_segments for stack in self.net.node.stacks.values())

    async def forward(self) -> int:
        """Open a port on 127.0.0.1 that leads to the pod, for curl; its number."""
        loop = asyncio.get_running_loop()

        def accept() -> asyncio.Protocol:
            splice = Splice(idle_timeout_s=_IDLE_S)
            spawn(self._dial(splice), name="demo forward")
            return splice.sides[CLIENT]

        self._forward = await loop.create_server(accept, "127.0.0.1", 0)
        port: int = self._forward.sockets[0].getsockname()[1]
        return port

    def flush(self) -> None:
        """Everything captured so far is in the file."""
        self._file.flush()

    def close(self) -> None:
        """Leave the overlay and end the capture."""
        if self._forward is not None:
            self._forward.close()
        self.net.close()
        self._capture.close()
        self._file.close()

    async def _dial(self, splice: Splice) -> None:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await self.net.create_connection(lambda: splice.sides[UPSTREAM], POD_ADDRESS, POD_PORT)
        except OSError:
            splice.abort()
