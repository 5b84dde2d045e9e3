"""What a UDP socket can learn of the paths in the underlay: their MTU, and ICMP errors about what it sent.

Outer datagrams are never fragmented unasked: one that does not fit is refused with EMSGSIZE, and the stack
that sent it can make smaller ones. Fragments would be dropped by many a firewall. ICMP errors are counted and
change nothing: an underlay authenticates them as little as the datagrams.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import sys

Address = tuple[str, int]

_LINUX = sys.platform == "linux"
# IPPROTO_IP, IPPROTO_IPV6: ip(7), ipv6(7); on macOS netinet/in.h and netinet6/in6.h
_MTU_DISCOVER = {socket.AF_INET: (0, 10), socket.AF_INET6: (41, 23)}
_DISCOVER_DONT, _DISCOVER_DO = 0, 2
_DONTFRAG = {socket.AF_INET: (0, 28), socket.AF_INET6: (41, 62)}
_MTU = {socket.AF_INET: (0, 14), socket.AF_INET6: (41, 24)}
_RECVERR = {socket.AF_INET: (0, 11), socket.AF_INET6: (41, 25)}
_NO_CHECK6_RX = (17, 102)
_EXTENDED_ERROR = struct.Struct("=IBBBBII")  # errno, origin, type, code, padding, info, data
_MSG_ERRQUEUE = 0x2000
_FROM_ICMP = (2, 3)  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6
_MOST_ERRORS = 64  # at once, then the loop gets its turn

_PLATEAUS = (65_535, 17_914, 9_000, 8_166, 4_352, 2_002, 1_500, 1_492, 1_480, 1_420, 1_400, 1_280, 1_006, 576)
"""RFC 1191 7.1, and what tunnels leave of Ethernet today."""


def set_fragmenting(sock: socket.socket, allowed: bool) -> None:
    """Whether the kernel may fragment what is sent; where it cannot be told, it does as it likes."""
    with contextlib.suppress(OSError):
        if _LINUX:
            level, option = _MTU_DISCOVER[sock.family]
            sock.setsockopt(level, option, _DISCOVER_DONT if allowed else _DISCOVER_DO)
        elif sys.platform == "darwin":
            level, option = _DONTFRAG[sock.family]
            sock.setsockopt(level, option, int(not allowed))


def take_zero_checksums(sock: socket.socket) -> None:
    """Over IPv6, too: RFC 6935 5 allows tunnels to compute none, and Open vSwitch's default is so."""
    if _LINUX and sock.family == socket.AF_INET6:
        with contextlib.suppress(OSError):
            sock.setsockopt(*_NO_CHECK6_RX, 1)


def ask_for_errors(sock: socket.socket) -> None:
    """Have ICMP errors queued for `take_errors`, where the system has such a queue."""
    if _LINUX:
        with contextlib.suppress(OSError):
            sock.setsockopt(*_RECVERR[sock.family], 1)


def take_errors(sock: socket.socket) -> list[str]:
    """The ICMP errors that have come, each as `icmp_` and the system's name of it: `icmp_econnrefused`."""
    found: list[str] = []
    if not _LINUX:
        return found
    for _ in range(_MOST_ERRORS):
        try:
            _, ancillary, _, _ = sock.recvmsg(0, 256, _MSG_ERRQUEUE)
        except OSError:
            break
        for level, kind, data in ancillary:
            if (level, kind) == _RECVERR[sock.family] and len(data) >= _EXTENDED_ERROR.size:
                number, origin, *_ = _EXTENDED_ERROR.unpack_from(data)
                if origin in _FROM_ICMP:
                    found.append(f"icmp_{errno.errorcode.get(number, 'unknown').lower()}")
    return found


def path_mtu(to: Address, sent_bytes: int) -> int:
    """The largest outer packet on the way to `to`, which an outer packet of `sent_bytes` has just not fitted.

    The kernel's own figure where it tells one; else the next smaller size that networks have.
    """
    if _LINUX:
        family = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(to)
            known = probe.getsockopt(*_MTU[family])
            if known < sent_bytes:
                return known
    return next((size for size in _PLATEAUS if size < sent_bytes), _PLATEAUS[-1])
