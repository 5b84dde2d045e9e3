"""Exec, Attach and PortForward: checked when they are asked for, done when their URL is called."""

from __future__ import annotations

from bronzewillow.host.paths import runtime_folder
from bronzewillow.host.tasks import together
from runtime.api import cri_pb2 as api
from runtime.cri.errors import CriError, FailedPrecondition, InvalidArgument, ResourceExhausted
from runtime.cri.exec_sync import Allowed
from runtime.cri.node import Node
from runtime.cri.records import Container
from runtime.exec.attend import attend, pump
from runtime.exec.named_pipes import named_pipes
from runtime.exec.program import start_program
from runtime.streaming.calls import Attach, CommandStreams, Duplex, Exec, PortForward, Streams
from runtime.streaming.errors import CallFailed
from runtime.streaming.forwards import MOST_PORTS
from runtime.streaming.relay import relay
from runtime.streaming.server import StreamingServer
from runtime.streaming.tokens import TooMany
from runtime.ttrpc.errors import RpcError


class NodeStreams:
    """Of one node: what the streaming server calls."""

    def __init__(self, node: Node, allowed: Allowed) -> None:
        self._node, self._allowed = node, allowed
        self.server = StreamingServer(self)

    # ---- asked for: a URL. CriError

    def ask_exec(self, request: api.ExecRequest) -> str:
        """To run a program beside a container, if the node's owner allows it."""
        container = self._node.containers.get(request.container_id)
        self._allowed.check(request.cmd)
        streams = _streams(request)
        _check_running(container)
        return self._url(Exec(container.id, tuple(request.cmd), streams))

    def ask_attach(self, request: api.AttachRequest) -> str:
        """The URL by which a container is heard."""
        container = self._node.containers.get(request.container_id)
        if request.stdin or request.tty:
            raise InvalidArgument("a model's server has no terminal and no standard input to attach to")
        streams = _streams(request)
        _check_running(container)
        return self._url(Attach(container.id, streams))

    def ask_port_forward(self, request: api.PortForwardRequest) -> str:
        """To reach ports of a pod."""
        sandbox = self._node.sandboxes.get(request.pod_sandbox_id)
        if not sandbox.is_ready:
            raise FailedPrecondition(f"pod {sandbox.config.metadata.name} is stopped")
        if len(request.port) > MOST_PORTS or not all(0 < port < 65536 for port in request.port):
            raise InvalidArgument(f"ports are numbers from 1 to 65535, {MOST_PORTS} at most")
        return self._url(PortForward(sandbox.id, tuple(request.port)))

    def _url(self, call: Exec | Attach | PortForward) -> str:
        try:
            return self.server.url(call)
        except TooMany:
            raise ResourceExhausted("too many streams were asked for and never called") from None

    # ---- called: see calls.Runtime

    async def exec(self, call: Exec, streams: CommandStreams) -> int:
        """Until the program has ended; it does not outlive its caller."""
        container = self._running(call.container_id)
        wanted = call.streams
        environment = self._node.environment_beside(container)
        try:
            program = await start_program(
                call.command, environment,
                stdin=wanted.stdin, stdout=wanted.stdout, stderr=wanted.stderr, tty=wanted.tty,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise CallFailed(f"{call.command[0]}: {getattr(error, 'strerror', None) or error}") from None
        with self._node.ledger.noting(program.pid):
            program.begin()
            try:
                return await attend(program, streams, tty=wanted.tty)
            finally:
                await program.end()

    async def attach(self, call: Attach, streams: CommandStreams) -> None:
        """Until the container has ended."""
        container = self._running(call.container_id)
        shim = await self._node.shims.find(container.sandbox_id)
        if shim is None:
            raise CallFailed(f"container {container.id}: its shim does not answer")
        outputs = {"stdout": streams.stdout, "stderr": streams.stderr}
        wanted = [name for name, output in outputs.items() if output is not None]
        with named_pipes(runtime_folder(), *wanted) as pipes:
            paths = {name: str(path) for name, (path, _) in pipes.items()}
            try:
                await shim.tap_log(container.id, paths.get("stdout", ""), paths.get("stderr", ""))
            except RpcError as error:
                raise CallFailed(f"container {container.id}: {error}") from None
            await together(*(pump(pipe, outputs[name]) for name, (_, pipe) in pipes.items()))

    async def port_forward(self, call: PortForward, port: int, data: Duplex) -> None:
        """Until the pod's side says no more."""
        sandbox = self._node.sandboxes.find(call.sandbox_id)
        if sandbox is None or not sandbox.is_ready:
            raise CallFailed(f"pod {call.sandbox_id} is stopped")
        try:
            await relay(data, self._node.sockets_of(sandbox.id) / f"{port}.sock")
        except CallFailed as failed:
            raise CallFailed(f"port {port} of pod {sandbox.config.metadata.name}: {failed}") from None

    def _running(self, container_id: str) -> Container:
        try:
            container = self._node.containers.get(container_id)
            _check_running(container)
        except CriError as error:
            raise CallFailed(str(error)) from None
        return container


def _check_running(container: Container) -> None:
    if container.state != api.ContainerState.CONTAINER_RUNNING:
        raise FailedPrecondition(f"container {container.id} is not running")


def _streams(request: api.ExecRequest | api.AttachRequest) -> Streams:
    if not (request.stdin or request.stdout or request.stderr):
        raise InvalidArgument("one of stdin, stdout and stderr must be asked for")
    if request.tty and request.stderr:
        raise InvalidArgument("a terminal has no stderr of its own: ask for tty or for stderr")
    return Streams(request.stdin, request.stdout, request.stderr, request.tty)
