"""What goes wrong with a containerd; each is one line."""

from __future__ import annotations

import grpc

from runtime.refusal import Refusal
from runtime.snapshots import errors

_STATUS: dict[type[Exception], grpc.StatusCode] = {
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.FailedPrecondition: grpc.StatusCode.FAILED_PRECONDITION,
    errors.InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
}


class ContainerdError(Refusal):
    """A containerd cannot be reached, or says no."""


class NotAdoptable(Refusal):
    """An image that no snapshot can be made of."""


def status_of(error: Exception) -> grpc.StatusCode:
    """Of what a snapshotter has raised, in containerd's classes (errdefs)."""
    return _STATUS.get(type(error), grpc.StatusCode.UNKNOWN)
