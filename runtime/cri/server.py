"""llm-containerd: both services on one unix socket, until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from bronzewillow.host.files import try_lock
from bronzewillow.host.kept import keep
from bronzewillow.host.notify import tell_ready
from bronzewillow.host.paths import make_private, prepare_socket_folder
from bronzewillow.host.tasks import spawn
from runtime.api.cri_pb2_grpc import (
    add_ImageServiceServicer_to_server,
    add_RuntimeServiceServicer_to_server,
)
from runtime.cri.containers import Containers
from runtime.cri.errors import Unavailable, status_of
from runtime.cri.exec_sync import Allowed
from runtime.cri.image_service import ImageService
from runtime.cri.images import Images
from runtime.cri.node import Node
from runtime.cri.pods import Pods
from runtime.cri.runtime_service import RuntimeService
from runtime.cri.streams import NodeStreams
from runtime.imagestore import ImageStore
from runtime.networks.config import load_network
from runtime.networks.network import Network
from runtime.refusing import Refusing
from runtime.registry.client import ClientConfig
from runtime.runm.listen import Address
from runtime.streaming.server import HOST as STREAMING_HOST

_LONGEST_MESSAGE = 16 << 20
_GRACE_S = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where the server keeps and finds everything."""

    socket: Path
    root: Path
    """Of records."""
    store: Path
    """Of images."""
    networks: Path
    """The folder of CNI's configuration."""
    sockets: Path
    """The folder with a folder of sockets for each pod."""
    client: ClientConfig
    allowed: Allowed = field(default_factory=Allowed)
    streaming: Address = field(default_factory=lambda: Address(host=STREAMING_HOST))
    """Where streams are served."""


async def serve(config: ServerConfig) -> None:
    """Until SIGTERM or SIGINT; pods go on. Refusal, OSError, ValueError."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(config):
        tell_ready()
        await stop.wait()


@asynccontextmanager
async def running(config: ServerConfig) -> AsyncIterator[Node]:
    """A node whose services are served while inside."""
    make_private(config.root)
    prepare_socket_folder(config.socket)
    with try_lock(config.root / "lock") as is_ours:
        if not is_ours:
            raise Unavailable(f"{config.root}: another llm-containerd is at work there")
        node = Node(
            config.root,
            Images(ImageStore(config.store), config.client),
            Network(load_network(config.networks), config.root / "networks"),
            config.sockets,
        )
        containers = Containers(node)
        pods = Pods(node, containers)
        await pods.recover()
        streams = NodeStreams(node, config.allowed)
        await streams.server.start(config.streaming.host, config.streaming.port)
        service, servers = RuntimeService(node, pods, containers, config.allowed, streams), []

        async def listen() -> None:
            prepare_socket_folder(config.socket)
            server = _server(node, service)
            server.add_insecure_port(f"unix:{config.socket}")
            servers.append(server)
            await server.start()
            config.socket.chmod(0o600)

        config.socket.unlink(missing_ok=True)
        await listen()
        _log.info("%d pods, %d containers", len(node.sandboxes), len(node.containers))
        # who is connected stays so: a server is not ended because its socket was removed
        keeping = spawn(keep(config.socket, listen), name="the socket")
        looking = spawn(pods.stop_cut_off(), name="pods that are cut off")  # a process for each: nobody waits
        try:
            yield node
        finally:
            keeping.cancel()
            looking.cancel()
            await asyncio.wait([keeping, looking])
            node.events.close()
            await asyncio.gather(*(server.stop(_GRACE_S) for server in servers))
            await streams.server.close()
            containers.leave()
            node.shims.disconnect()
            config.socket.unlink(missing_ok=True)


def _server(node: Node, service: RuntimeService) -> grpc.aio.Server:
    options = [
        ("grpc.max_receive_message_length", _LONGEST_MESSAGE),
        ("grpc.max_send_message_length", _LONGEST_MESSAGE),
    ]
    server = grpc.aio.server(interceptors=[Refusing(status_of)], options=options)
    add_RuntimeServiceServicer_to_server(service, server)
    add_ImageServiceServicer_to_server(ImageService(node), server)
    return server
