"""What a plugin refuses, with the codes of the CNI specification, section 4, Error."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """The specification's own codes."""

    INCOMPATIBLE_VERSION = 1
    UNKNOWN_CONTAINER = 3
    INVALID_ENVIRONMENT = 4
    IO_FAILURE = 5
    CANNOT_DECODE = 6
    INVALID_CONFIG = 7
    TRY_AGAIN_LATER = 11
    NOT_AVAILABLE = 50
    # from 100 on a plugin's own
    NO_ADDRESS_LEFT = 100


class CniError(Exception):
    """A verb that cannot be done."""

    def __init__(self, code: Code, message: str, details: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        """What and where."""
        self.details = details
        """What to do."""
