from __future__ import annotations

from runtime.ttrpc.errors import Code, RpcError


def test_an_error_has_a_code_of_grpc() -> None:
    error = RpcError(Code.NOT_FOUND, "container 'a' is not here")
    assert (error.code, str(error)) == (5, "container 'a' is not here")
