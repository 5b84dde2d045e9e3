"""Where a container's output goes, by the URI that the runtime gives.

`cri:///path`: lines of a log, by way of this process; without a path there is no log, but it can be tapped.
A path alone, or `fifo:///path`: containerd's pipe, to which the container writes itself. `file:///path`:
appended as it is. Nothing: nowhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runtime.shim.cri_log import LogLines
from runtime.shim.log_file import LogFile
from runtime.shim.tap import Tap
from runtime.ttrpc.errors import Code, RpcError

_BLOCK = 64 << 10
_MOST_TAPS = 16


class Stdio:
    """Both streams of one container."""

    def __init__(self, stdout: str, stderr: str) -> None:
        """RpcError for what cannot be opened."""
        self._log: LogFile | None = None
        self._streams: list[_Stream] = []
        self.descriptors: list[int] = []
        """Of the container: output and errors. They are its, and closed by `handed_over`."""
        try:
            for name, uri in (("stdout", stdout), ("stderr", stderr or stdout)):
                self.descriptors.append(self._open(name, uri))
        except OSError as error:
            self.close()
            raise RpcError(Code.INVALID_ARGUMENT, f"{error.filename}: {error.strerror}") from None
        except BaseException:
            self.close()
            raise

    def handed_over(self) -> None:
        """The container has them now."""
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = []

    async def drained(self, limit_s: float) -> None:
        """Until all that was written has been taken, or until the limit: a child may go on holding a pipe."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                for stream in self._streams:
                    await stream.ended.wait()

    def reopen(self) -> None:
        """The log's file was moved. RpcError."""
        if self._log is None:
            raise RpcError(Code.FAILED_PRECONDITION, "the container's output goes to no log")
        try:
            self._log.reopen()
        except OSError as error:
            raise RpcError(Code.INTERNAL, f"{error.filename}: {error.strerror}") from None

    def tap(self, paths: Mapping[str, str]) -> None:
        """Write what comes from now on to pipes as well, by the stream's name; "" for none. RpcError."""
        streams = {stream.name: stream for stream in self._streams}
        wanted = [(name, Path(path)) for name, path in paths.items() if path]
        if not all(name in streams for name, _ in wanted):
            raise RpcError(Code.FAILED_PRECONDITION, "the container has ended, or its output goes elsewhere")
        if any(len(streams[name].taps) >= _MOST_TAPS for name, _ in wanted):
            raise RpcError(Code.UNAVAILABLE, f"{_MOST_TAPS} hear the container already")
        taps: list[Tap] = []
        try:
            taps.extend(Tap(path) for _, path in wanted)
        except OSError as error:
            for tap in taps:
                tap.close()
            raise RpcError(Code.INVALID_ARGUMENT, f"{error.filename}: {error.strerror}") from None
        for (name, _), tap in zip(wanted, taps, strict=True):
            streams[name].taps.append(tap)

    def close(self) -> None:
        """Take no more."""
        self.handed_over()
        for stream in self._streams:
            stream.close()
        if self._log is not None:
            self._log.close()
            self._log = None
        self._streams = []

    def _open(self, name: str, uri: str) -> int:
        parts = urlsplit(uri)
        path = Path(unquote(parts.path))
        match parts.scheme:
            case "cri":
                if parts.path:
                    self._log = self._log or LogFile(path)
                ours, theirs = os.pipe()
                self._streams.append(_Stream(name, ours, self._log))
                return theirs
            case "file":
                return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            case "" | "fifo" if uri:
                # for both directions, so that neither this nor a write ever fails for want of a reader
                return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            case "":
                return os.open(os.devnull, os.O_WRONLY)
            case scheme:
                raise RpcError(Code.UNIMPLEMENTED, f"output to {scheme}: is not served; use a file or a pipe")


class _Stream:
    """One pipe into the log, if there is one, and to whoever listens."""

    def __init__(self, name: str, descriptor: int, log: LogFile | None) -> None:
        self.name, self._lines, self._descriptor, self._log = name, LogLines(name), descriptor, log
        self.taps: list[Tap] = []
        self.ended = asyncio.Event()
        os.set_blocking(descriptor, False)
        asyncio.get_running_loop().add_reader(descriptor, self._read)

    def close(self) -> None:
        if self._descriptor >= 0:
            for data in self._rest():
                self._take(data)
            self._end()

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _BLOCK)
        except BlockingIOError:
            return
        if data:
            self._take(data)
        else:
            self._end()

    def _take(self, data: bytes) -> None:
        if self._log is not None and (entries := self._lines.feed(data, time.time_ns())):
            self._log.append(entries)
        if self.taps:
            self.taps = [tap for tap in self.taps if tap.write(data)]

    def _rest(self) -> Iterator[bytes]:
        """What is in the pipe now."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._descriptor, _BLOCK):
                yield data

    def _end(self) -> None:
        if self._log is not None and (rest := self._lines.end(time.time_ns())):
            self._log.append(rest)
        for tap in self.taps:
            tap.close()
        self.taps = []
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        self.ended.set()
