"""What gRPC raises, as one line."""

from __future__ import annotations

import grpc
import pytest

from kubelet.provider.errors import RuntimeRefusal, refusal


@pytest.mark.parametrize(
    ("code", "is_down", "is_not_found"),
    [
        (grpc.StatusCode.UNAVAILABLE, True, False),
        (grpc.StatusCode.DEADLINE_EXCEEDED, True, False),
        (grpc.StatusCode.NOT_FOUND, False, True),
        (grpc.StatusCode.INVALID_ARGUMENT, False, False),
    ],
)
def test_kinds(code: grpc.StatusCode, is_down: bool, is_not_found: bool) -> None:
    refused = RuntimeRefusal("no", code)
    assert (refused.is_down, refused.is_not_found) == (is_down, is_not_found)


def test_one_line() -> None:
    nothing = grpc.aio.Metadata()
    error = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, nothing, nothing, details="a\n  b")
    assert str(refusal(error)) == "a b"
    silent = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, nothing, nothing)
    assert str(refusal(silent)) == "INTERNAL"
