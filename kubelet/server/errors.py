"""What a request is answered with when it cannot be served."""

from __future__ import annotations


class RequestError(Exception):
    """An HTTP status and one line of text."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
