"""What a network refuses."""

from __future__ import annotations

from runtime.refusal import Refusal

UNKNOWN_CONTAINER, TRY_AGAIN_LATER = 3, 11


class NetworkError(Refusal):
    """One line, with the plugin that said it."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code
        """The plugin's (CNI specification, section 5, Error); 0 when it did not come to one."""
