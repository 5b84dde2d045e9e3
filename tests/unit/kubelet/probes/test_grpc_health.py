"""grpc.health.v1 against a real gRPC server, through a door."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.ports import free_tcp_port
from kubelet.model.outcomes import Probed, ProbeResult
from kubelet.probes.grpc_health import grpc_probe

from ..conftest import door_double

pytestmark = pytest.mark.loopback


async def check(data: bytes, context: Any) -> bytes:
    """By the service that was asked for."""
    if data == b"\x0a\x04gone":
        await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    return {b"": b"\x08\x01", b"\x0a\x03bad": b"\x08\x02", b"\x0a\x04zero": b""}[data]


async def probed(service: str = "", *, is_health: bool = True, timeout_s: float = 60) -> Probed:
    server, port = grpc.aio.server(), free_tcp_port()
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(check)
    name = "grpc.health.v1.Health" if is_health else "other"
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, {"Check": method})])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        async with door_double() as door:
            action = {"port": port, "service": service}
            return await grpc_probe(door, "10.244.7.5", action, {}, timeout_s)
    finally:
        await server.stop(0)


@pytest.mark.parametrize(
    ("service", "result", "output"),
    [
        ("", "successful", "service healthy"),
        ("bad", "failed", 'service unhealthy (responded with "NOT_SERVING")'),
        ("zero", "failed", 'service unhealthy (responded with "UNKNOWN")'),
        ("gone", "failed", "error: health rpc probe failed: unknown service"),
    ],
)
def test_answers(service: str, result: str, output: str) -> None:
    assert run(probed(service)) == Probed(ProbeResult(result), output)


def test_a_server_without_health() -> None:
    found = run(probed(is_health=False))
    assert found.result is ProbeResult.FAILURE
    assert "does not implement the grpc health protocol" in found.output


def test_nobody_listens() -> None:
    async def main() -> Probed:
        async with door_double("connection refused") as door:
            return await grpc_probe(door, "10.244.7.5", {"port": 81}, {}, 60)

    found = run(main())
    assert found.result is ProbeResult.FAILURE
    assert 'failed to connect service "10.244.7.5:81"' in found.output
