"""gRPC servers: a refusal becomes a status with its one line; everything else is logged, and INTERNAL."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from runtime.refusal import Refusal

_log = logging.getLogger(__name__)


StatusOf = Callable[[Exception], grpc.StatusCode]


class Refusing(grpc.aio.ServerInterceptor):
    """Around all methods of a server."""

    def __init__(self, status_of: StatusOf) -> None:
        """`status_of`: the status of a Refusal or an OSError."""
        self._status_of = status_of

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        """grpc.aio.ServerInterceptor: refusals of every call become its status."""
        found = await continuation(handler_call_details)
        if found is None or found.request_streaming:  # no server of ours takes a stream of requests
            return found
        name = handler_call_details.method.rpartition("/")[2]
        if found.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                _stream(name, found.unary_stream, self._status_of),
                request_deserializer=found.request_deserializer,
                response_serializer=found.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            _unary(name, found.unary_unary, self._status_of),
            request_deserializer=found.request_deserializer,
            response_serializer=found.response_serializer,
        )


def _unary(
    name: str, method: Callable[[Any, Any], Any], status_of: StatusOf
) -> Callable[[Any, Any], Awaitable[Any]]:
    async def call(request: Any, context: Any) -> Any:
        try:
            answer = method(request, context)
            return await answer if hasattr(answer, "__await__") else answer
        except (Refusal, OSError) as error:
            await _refuse(name, error, status_of(error), context)
        except NotImplementedError:  # what the generated base class says of a method that we do not have
            await _refuse(name, f"{name} is not served here", grpc.StatusCode.UNIMPLEMENTED, context)

    return call


def _stream(
    name: str, method: Callable[[Any, Any], Any], status_of: StatusOf
) -> Callable[[Any, Any], AsyncIterator[Any]]:
    async def call(request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            async for answer in method(request, context):
                yield answer
        except (Refusal, OSError) as error:
            await _refuse(name, error, status_of(error), context)
        except NotImplementedError:
            await _refuse(name, f"{name} is not served here", grpc.StatusCode.UNIMPLEMENTED, context)

    return call


async def _refuse(name: str, error: Exception | str, status: grpc.StatusCode, context: Any) -> None:
    text = (
        f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
    )
    _log.info("%s: %s: %s", name, status.name, text)
    await context.abort(status, text)
