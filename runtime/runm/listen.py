"""Addresses to listen on: `unix:PATH`, `HOST:PORT`, `[IPV6]:PORT`."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from runtime.refusal import Refusal

_MAX_UNIX_PATH_BYTES = 103  # macOS has 104 with the closing zero, Linux 108
_BACKLOG = 128


class ListenError(Refusal):
    """The address cannot be used; one line that names it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: a path, or a host and a port."""

    path: Path | None = None
    host: str = ""
    port: int = 0
    """0 takes any free port."""

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """ValueError, with the reason, for anything that is no address."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path:
            raise ValueError("the path is missing; write unix:PATH")
        if len(os.fsencode(path)) > _MAX_UNIX_PATH_BYTES:
            raise ValueError(
                f"the path has {len(os.fsencode(path))} bytes, a socket's may have {_MAX_UNIX_PATH_BYTES}; "
                "use a shorter folder"
            )
        return Address(path=Path(path))
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not port.isascii() or int(port) > 65535:
        raise ValueError("write unix:PATH or HOST:PORT, the port being a number from 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("write an IPv6 address in brackets, as in [::1]:8080")
    if not host:
        raise ValueError("the host is missing; write 127.0.0.1:PORT, or 0.0.0.0:PORT for all interfaces")
    return Address(host=host, port=int(port))


class Listener:
    """A bound socket, and the file that goes with it."""

    def __init__(self, sock: socket.socket, address: Address) -> None:
        self.socket = sock
        self.address = address
        self._inode = _inode(address.path) if address.path is not None else None

    def close(self) -> None:
        """Stop accepting, and remove the socket's file if it is still ours."""
        self.socket.close()
        path = self.address.path
        if path is not None and self._inode is not None and _inode(path) == self._inode:
            with contextlib.suppress(OSError):
                path.unlink()
        self._inode = None


def listen(address: Address) -> Listener:
    """Bind and listen; ListenError if that is impossible."""
    try:
        return _listen_unix(address, address.path) if address.path is not None else _listen_tcp(address)
    except OSError as err:
        raise ListenError(f"cannot listen on {address}: {_explain(err)}") from err


def _listen_tcp(address: Address) -> Listener:
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, where = found[0]
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    host, port = sock.getsockname()[:2]
    return Listener(sock, Address(host=host, port=port))


def _listen_unix(address: Address, path: Path) -> Listener:
    _clear_stale(address, path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The file must never be open to others, not even for a moment: no chmod afterwards.
    mask = os.umask(0o177)
    try:
        sock.bind(str(path))
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(mask)
    return Listener(sock, address)


def _clear_stale(address: Address, path: Path) -> None:
    """Remove a socket that nobody answers on; leave everything else alone."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(
            f"cannot listen on {address}: a file that is no socket is there; remove it or choose another"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as err:
            raise ListenError(f"cannot listen on {address}: {_explain(err)}") from err
    raise ListenError(
        f"cannot listen on {address}: another process serves there; stop it or choose another path"
    )


def _explain(err: OSError) -> str:
    cures = {
        errno.EADDRINUSE: "another process serves there; stop it or choose another port",
        errno.EADDRNOTAVAIL: "no interface has this address",
        errno.EACCES: "permission denied",
        errno.ENOENT: "the folder does not exist",
        errno.ENOTDIR: "the folder does not exist",
    }
    if isinstance(err, socket.gaierror):
        return "the host is unknown"
    return cures.get(err.errno or 0, err.strerror or str(err))


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
