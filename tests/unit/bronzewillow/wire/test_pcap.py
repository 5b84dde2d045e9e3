from __future__ import annotations

import io
import struct

from bronzewillow.wire.pcap import PcapWriter


def test_header_and_records() -> None:
    file = io.BytesIO()
    writer = PcapWriter(file)
    writer.write(b"\1" * 14, 0)
    writer.write(memoryview(b"\2" * 60), 1_700_000_000_123_456)
    data = file.getvalue()
    assert struct.unpack_from("<IHHiIII", data) == (0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)
    assert struct.unpack_from("<IIII", data, 24) == (0, 0, 14, 14)
    assert struct.unpack_from("<IIII", data, 54) == (1_700_000_000, 123_456, 60, 60)
    assert data[70:] == b"\2" * 60
