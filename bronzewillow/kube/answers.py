"""Reading what an API server sends: objects, refusals, and the lines of a watch; all of bounded size."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp

from bronzewillow.kube.errors import BadAnswer, StatusError, Unreachable, status_error
from bronzewillow.kube.resources import Object

_LONGEST_ANSWER_BYTES = 256 << 20
_LONGEST_LINE_BYTES = 32 << 20
_LONGEST_REFUSAL_BYTES = 1 << 20


@contextmanager
def unreachable(where: str) -> Iterator[None]:
    """Whatever the connection does inside becomes Unreachable."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        words = _words(error)
        raise Unreachable(f"{where}: {words}", words) from error


async def read_object(answer: aiohttp.ClientResponse, where: str) -> Object:
    """The body, which is a JSON object. BadAnswer."""
    return _object(await _bounded(answer, _LONGEST_ANSWER_BYTES, where), where)


async def read_refusal(answer: aiohttp.ClientResponse, where: str) -> StatusError:
    """What the server says by a Status object, or by its code alone."""
    try:
        status = _object(await _bounded(answer, _LONGEST_REFUSAL_BYTES, where), where)
    except BadAnswer:
        status = {}
    return status_error(answer.status, status, where=where, retry_after=answer.headers.get("Retry-After", ""))


async def read_pieces(answer: aiohttp.ClientResponse, where: str) -> AsyncIterator[bytes]:
    """The body as it comes."""
    while True:
        with unreachable(where):
            piece = await answer.content.readany()
        if not piece:
            return
        yield piece


async def read_events(
    answer: aiohttp.ClientResponse, where: str, is_over: Callable[[], bool]
) -> AsyncIterator[tuple[str, Object]]:
    """The events of a watch. An ERROR event is raised as the error that it is; a connection that breaks when
    `is_over` is just the end.
    """
    try:
        async for line in _lines(answer, where):
            event = _object(line, where)
            kind, obj = event.get("type"), event.get("object")
            if not isinstance(kind, str) or not isinstance(obj, dict):
                raise BadAnswer(f"{where}: what came is no event")
            if kind == "ERROR":
                code = obj.get("code")
                raise status_error(code if isinstance(code, int) else 500, obj, where=where)
            if kind != "BOOKMARK":
                check_identity(obj, where)
            yield kind, obj
    except Unreachable:
        if not is_over():
            raise


def check_identity(obj: Any, where: str) -> None:
    """That an object has what tells it from others: a name and a uid. BadAnswer."""
    metadata = obj.get("metadata") if isinstance(obj, dict) else None
    if (
        not isinstance(metadata, dict)
        or not isinstance(metadata.get("uid"), str)
        or not isinstance(metadata.get("name"), str)
    ):
        raise BadAnswer(f"{where}: an object without a name or a uid")


async def _lines(answer: aiohttp.ClientResponse, where: str) -> AsyncIterator[bytes]:
    held: list[bytes] = []
    size = 0
    async for piece in read_pieces(answer, where):
        *whole, rest = piece.split(b"\n")
        for part in whole:
            held.append(part)
            line = b"".join(held)
            held, size = [], 0
            if line.strip():
                yield line
        if rest:
            held.append(rest)
            size += len(rest)
            if size > _LONGEST_LINE_BYTES:
                raise BadAnswer(f"{where}: an event of more than {_LONGEST_LINE_BYTES} bytes")


async def _bounded(answer: aiohttp.ClientResponse, most: int, where: str) -> bytes:
    pieces, size = [], 0
    async for piece in answer.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise BadAnswer(f"{where}: an answer of more than {most} bytes")
    return b"".join(pieces)


def _object(data: bytes, where: str) -> Object:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise BadAnswer(f"{where}: what came is no JSON") from None
    if not isinstance(value, dict):
        raise BadAnswer(f"{where}: what came is no JSON object")
    return value


def _words(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection broke in the middle of the answer"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    cause: Exception | BaseException = getattr(error, "os_error", None) or error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate does not count: {cause.verify_message}"
    if isinstance(cause, ConnectionError) and cause.errno:  # asyncio's own words are of the call
        return os.strerror(cause.errno)
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return " ".join(str(cause).split()) or type(cause).__name__
