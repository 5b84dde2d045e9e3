from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.shim.tap import Tap


def opened(path: Path) -> int:
    os.mkfifo(path)
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def test_it_hears_until_it_goes(tmp_path: Path) -> None:
    reading = opened(tmp_path / "p")
    tap = Tap(tmp_path / "p")
    assert tap.write(b"one\n") and os.read(reading, 100) == b"one\n"
    os.close(reading)
    assert not tap.write(b"two\n")


def test_who_does_not_keep_up_is_told_what_is_missing(tmp_path: Path) -> None:
    reading = opened(tmp_path / "p")
    tap = Tap(tmp_path / "p")
    while tap.write(b"x" * 4096) and not tap._lost_bytes:
        pass
    lost = tap._lost_bytes
    assert tap.write(b"y" * 10) and tap._lost_bytes == lost + 10
    while len(os.read(reading, 1 << 20)) == 1 << 20:
        pass
    assert tap.write(b"again\n")
    assert os.read(reading, 1000) == b"\n[%d bytes were lost here]\nagain\n" % (lost + 10)
    tap.close()
    assert os.read(reading, 10) == b""
    os.close(reading)


def test_nobody_reads(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    with pytest.raises(OSError):
        Tap(tmp_path / "p")
