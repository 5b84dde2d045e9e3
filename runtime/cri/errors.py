"""What CRI refuses, by gRPC's status codes."""

from __future__ import annotations

import grpc

from runtime.refusal import Refusal


class CriError(Refusal):
    """Any of them; the text is one line."""

    status = grpc.StatusCode.UNKNOWN


def status_of(error: Exception) -> grpc.StatusCode:
    """Of what a call has raised."""
    return error.status if isinstance(error, CriError) else grpc.StatusCode.UNKNOWN


class NotFound(CriError):
    """No sandbox, container or image has that id."""

    status = grpc.StatusCode.NOT_FOUND


class InvalidArgument(CriError):
    """What is asked for cannot be honest here."""

    status = grpc.StatusCode.INVALID_ARGUMENT


class AlreadyExists(CriError):
    """A name is taken."""

    status = grpc.StatusCode.ALREADY_EXISTS


class FailedPrecondition(CriError):
    """The state of the pod or container does not allow it."""

    status = grpc.StatusCode.FAILED_PRECONDITION


class Unavailable(CriError):
    """The same call may succeed later."""

    status = grpc.StatusCode.UNAVAILABLE


class DeadlineExceeded(CriError):
    """It took longer than the caller allows."""

    status = grpc.StatusCode.DEADLINE_EXCEEDED


class ResourceExhausted(CriError):
    """There is too much of it already."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED


class PermissionDenied(CriError):
    """What is asked for is switched off."""

    status = grpc.StatusCode.PERMISSION_DENIED
