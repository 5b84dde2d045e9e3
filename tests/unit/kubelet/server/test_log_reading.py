"""Reading and following a log file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import BinaryIO

import pytest

from kubelet.server.log_options import LogOptions
from kubelet.server.log_reading import _newer as newer
from kubelet.server.log_reading import read_log, tail_offset


def line(number: int) -> bytes:
    return b"2026-01-01T00:00:00.000000000Z stdout F line %d\n" % number


async def ended() -> bool:
    return False


async def whole(path: Path, options: LogOptions) -> bytes:
    return b"".join([data async for data in read_log(path, options, ended)])


@pytest.mark.parametrize("lines", [0, 1, 2, 5, 9, 10, 11])
@pytest.mark.parametrize("rest", [b"", b"half a line"])
def test_the_tail(tmp_path: Path, lines: int, rest: bytes) -> None:
    path = tmp_path / "0.log"
    all_lines = [line(number) for number in range(10)] + ([rest] if rest else [])
    path.write_bytes(b"".join(all_lines))
    with path.open("rb") as file:
        file.seek(tail_offset(file, lines))
        assert file.read() == b"".join(all_lines[len(all_lines) - min(lines, len(all_lines)) :])


def test_the_tail_of_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(b"".join(line(number) for number in range(20_000)))
    assert asyncio.run(whole(path, LogOptions(tail_lines=3))) == b"line 19997\nline 19998\nline 19999\n"
    with path.open("rb") as file:
        offset = tail_offset(file, 15_000)
        file.seek(offset)
        assert file.readline().endswith(b"line 5000\n")


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        asyncio.run(whole(tmp_path / "none.log", LogOptions()))


def test_a_container_that_has_ended_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(line(1) + line(2))
    assert asyncio.run(whole(path, LogOptions(follow=True))) == b"line 1\nline 2\n"


def test_following_goes_over_rotation_and_sees_the_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubelet.server.log_reading._POLL_S", 0)
    monkeypatch.setattr("kubelet.server.log_reading._ASK_S", 0)
    path = tmp_path / "0.log"
    path.write_bytes(line(1))
    steps = iter(range(10))

    async def is_running() -> bool:
        step = next(steps)
        if step == 0:
            with path.open("ab") as file:
                file.write(line(2))
        elif step == 1:
            path.rename(tmp_path / "0.log.old")
        elif step == 2:
            path.write_bytes(line(3))
        elif step == 3:
            with path.open("ab") as file:
                file.write(line(4))
            return False
        return True

    async def run() -> bytes:
        return b"".join([data async for data in read_log(path, LogOptions(follow=True), is_running)])

    assert asyncio.run(run()) == b"line 1\nline 2\nline 3\nline 4\n"


def test_what_is_written_right_before_a_rotation_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, moved = tmp_path / "0.log", tmp_path / "0.log.old"
    path.write_bytes(line(1))

    def look(path: Path, file: BinaryIO) -> BinaryIO | None:
        if not moved.exists():  # after the read that found nothing new
            path.write_bytes(line(1) + line(2))
            path.rename(moved)
            path.write_bytes(line(3))
        return newer(path, file)

    monkeypatch.setattr("kubelet.server.log_reading._newer", look)
    assert asyncio.run(whole(path, LogOptions(follow=True))) == b"line 1\nline 2\nline 3\n"


def test_a_limit_ends_following(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(line(1) + line(2))

    async def always() -> bool:
        return True

    async def run() -> bytes:
        options = LogOptions(follow=True, limit_bytes=8)
        return b"".join([data async for data in read_log(path, options, always)])

    assert asyncio.run(run()) == b"line 1\nl"
