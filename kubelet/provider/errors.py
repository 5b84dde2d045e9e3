"""What the runtime says no to, and that it does not answer."""

from __future__ import annotations

import grpc


class RuntimeRefusal(Exception):
    """One line, as the runtime put it."""

    def __init__(self, message: str, code: grpc.StatusCode) -> None:
        super().__init__(message)
        self.code = code

    @property
    def is_down(self) -> bool:
        """Nobody answers at its socket, or not in time."""
        return self.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)

    @property
    def is_not_found(self) -> bool:
        """What was asked for is not there."""
        return self.code is grpc.StatusCode.NOT_FOUND


def refusal(error: grpc.aio.AioRpcError) -> RuntimeRefusal:
    """The refusal that gRPC's error stands for."""
    words = " ".join((error.details() or error.code().name).split())
    return RuntimeRefusal(words, error.code())
