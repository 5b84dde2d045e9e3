"""Run in a namespace: sends frames, given in hexadecimal on standard input, one a line.

python inject.py DEVICE
"""

from __future__ import annotations

import socket
import sys


def main() -> None:
    """Send them all."""
    if sys.platform != "linux":
        raise OSError("AF_PACKET is Linux's")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((sys.argv[1], 0))
        for line in sys.stdin:
            sock.send(bytes.fromhex(line))


if __name__ == "__main__":
    main()
