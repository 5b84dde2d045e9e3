"""What a request is answered with."""

from __future__ import annotations

from kubelet.server.errors import RequestError


def test_status_and_text() -> None:
    error = RequestError(404, 'pod "x" does not exist')
    assert (error.status, str(error)) == (404, 'pod "x" does not exist')
