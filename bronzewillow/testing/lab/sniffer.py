"""What a device carries, by tcpdump, which has read all of it when a test looks.

A tcpdump that is ended throws away what it has not read yet. So a mark is sent behind everything, and waited
for in what it has written.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.netns import LabError, Namespace

MARK = b"nothing more is to be seen"
_DISCARD_PORT = 9
IS_MARK = f"udp dst port {_DISCARD_PORT}"
"""As pcap has it, for who reads the file."""
EMPTY_BYTES = 24
"""Of a file that has seen nothing yet."""
_BUFFER_KIB = "32768"
_SEND = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[1].encode())
    sender.sendto(sys.argv[3].encode(), ("255.255.255.255", int(sys.argv[2])))
"""


@contextmanager
def sniffing(namespace: Namespace, file: Path, what: str = "udp", device: str = "out0") -> Iterator[None]:
    """What goes either way by `device` meanwhile, in `file`: what pcap calls `what`, and marks at its end."""
    file.unlink(missing_ok=True)
    options = ("-U", "--immediate-mode", "-B", _BUFFER_KIB, "-i", device, "-w", str(file))
    # the mark first: a filter that reads beyond the end of a short datagram ends there, and drops it
    argv = ("tcpdump", *options, f"({IS_MARK}) or ({what})")
    with namespace.popen(*argv, stderr=subprocess.PIPE) as tcpdump:
        assert tcpdump.stderr is not None
        try:
            said = tcpdump.stderr.readline().decode()  # it listens from then on
            if "listening on" not in said:
                raise LabError(f"{' '.join(argv)}: {said}")
            yield

            def is_marked() -> bool:
                mark = (device, str(_DISCARD_PORT), MARK.decode())
                namespace.run(sys.executable, "-I", "-c", _SEND, *mark)
                return MARK in file.read_bytes()

            wait_until(is_marked, "tcpdump has written what it saw")
        finally:
            tcpdump.terminate()


def read_capture(file: Path, *options: str, what: str = "udp") -> str:
    """The text that tcpdump makes of it, without the marks."""
    argv = ["tcpdump", "-nn", *options, "-r", str(file), f"not ({IS_MARK}) and ({what})"]
    result = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert "truncated" not in result.stderr
    return result.stdout
