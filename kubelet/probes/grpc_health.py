"""grpc: `grpc.health.v1.Health/Check`. Source: kubernetes/kubernetes, pkg/probe/grpc/grpc.go."""

from __future__ import annotations

import grpc

from kubelet.model.outcomes import Probed, ProbeResult
from kubelet.model.pod_spec import Object, text
from kubelet.probes.door import Door
from kubelet.probes.http import USER_AGENT
from kubelet.probes.ports import port_of

_SERVICE = "grpc.health.v1.Health"
_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_SERVING = 1


async def grpc_probe(door: Door, address: str, action: Object, container: Object, timeout_s: float) -> Probed:
    """Whether a service says that it serves. PortError."""
    port = port_of(action.get("port"), container)
    service, where = text(action.get("service")), f"{address}:{port}"
    options = [
        ("grpc.http_connect_server", where),  # gRPC itself says CONNECT at the door
        ("grpc.default_authority", where),
        ("grpc.primary_user_agent", USER_AGENT),
        ("grpc.use_local_subchannel_pool", 1),  # each attempt has a connection of its own
    ]
    async with grpc.aio.insecure_channel(f"unix:{door.path}", options=options) as channel:
        check = channel.unary_unary(
            f"/{_SERVICE}/Check", request_serializer=_request, response_deserializer=_status
        )
        try:
            status = await check(service, timeout=timeout_s, wait_for_ready=False)
        except grpc.aio.AioRpcError as error:
            return Probed(ProbeResult.FAILURE, _refusal(error, where, timeout_s))
    if status == _SERVING:
        return Probed(ProbeResult.SUCCESS, "service healthy")
    name = _STATUSES[status] if status < len(_STATUSES) else str(status)
    return Probed(ProbeResult.FAILURE, f'service unhealthy (responded with "{name}")')


def _refusal(error: grpc.aio.AioRpcError, where: str, timeout_s: float) -> str:
    words = " ".join((error.details() or "").split())
    match error.code():
        case grpc.StatusCode.UNIMPLEMENTED:
            return f"error: this server does not implement the grpc health protocol ({_SERVICE}): {words}"
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"timeout: health rpc did not complete within {timeout_s:g}s"
        case grpc.StatusCode.UNAVAILABLE:
            return f'error: failed to connect service "{where}": {words}'
        case _:
            return f"error: health rpc probe failed: {words}"


def _request(service: str) -> bytes:
    """HealthCheckRequest: field 1 is a string."""
    data = service.encode()
    return b"\x0a" + _varint(len(data)) + data if data else b""


def _status(data: bytes) -> int:
    """HealthCheckResponse: field 1 is an enum; 0 where it is left out."""
    return data[1] if len(data) >= 2 and data[0] == 0x08 else 0


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
