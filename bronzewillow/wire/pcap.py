"""Classic pcap files of Ethernet frames, for whatever reads them: tcpdump, Wireshark, tshark."""

from __future__ import annotations

import struct
from typing import BinaryIO

from bronzewillow.wire.checksum import Buffer

_MAGIC_MICROSECONDS = 0xA1B2C3D4
_LINKTYPE_ETHERNET = 1
_SNAP_BYTES = 0x40000
"""The largest that readers take; frames are at most 64 KiB and a few headers."""

_FILE_HEADER = struct.Struct("<IHHiIII")
_RECORD_HEADER = struct.Struct("<IIII")


class PcapWriter:
    """Writes frames to `file`, which stays the caller's to flush and close."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.write(_FILE_HEADER.pack(_MAGIC_MICROSECONDS, 2, 4, 0, 0, _SNAP_BYTES, _LINKTYPE_ETHERNET))

    def write(self, frame: Buffer, now: int) -> None:
        """Append one frame without FCS; `now` in microseconds, shown as time since 1970."""
        seconds, microseconds = divmod(now, 1_000_000)
        captured = frame[:_SNAP_BYTES]
        header = _RECORD_HEADER.pack(seconds & 0xFFFFFFFF, microseconds, len(captured), len(frame))
        self._file.write(header + bytes(captured))
