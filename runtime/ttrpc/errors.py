"""What goes wrong in a call; the codes are gRPC's."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """Those that are used here (gRPC, doc/statuscodes.md)."""

    OK = 0
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    FAILED_PRECONDITION = 9
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class RpcError(Exception):
    """The answer is an error; one line."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class FrameError(ValueError):
    """Bytes that are no ttrpc."""
