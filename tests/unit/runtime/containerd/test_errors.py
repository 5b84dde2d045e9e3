from __future__ import annotations

import grpc
import pytest

from runtime.containerd.errors import status_of
from runtime.snapshots import errors


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.AlreadyExists("x"), grpc.StatusCode.ALREADY_EXISTS),
        (errors.NotFound("x"), grpc.StatusCode.NOT_FOUND),
        (errors.FailedPrecondition("x"), grpc.StatusCode.FAILED_PRECONDITION),
        (errors.InvalidArgument("x"), grpc.StatusCode.INVALID_ARGUMENT),
        (errors.Unavailable("x"), grpc.StatusCode.UNAVAILABLE),
        (OSError("x"), grpc.StatusCode.UNKNOWN),
    ],
)
def test_statuses(error: Exception, status: grpc.StatusCode) -> None:
    assert status_of(error) is status
