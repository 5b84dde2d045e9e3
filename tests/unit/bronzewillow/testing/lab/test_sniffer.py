"""What tcpdump itself does is shown in tests/lab; here a slow program stands in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.testing.lab.netns import LabError, Namespace
from bronzewillow.testing.lab.sniffer import IS_MARK, MARK, sniffing

LATE = 3
"""The mark of them that is the first to be written."""


class Slow(Namespace):
    """Where the program in tcpdump's place says `said`, and the first marks are overlooked."""

    def __init__(self, said: str = "echo listening on out0 >&2; exec sleep 60") -> None:
        super().__init__("bw1n1-mac")
        self.said, self.file = said, ""
        self.marks: list[str] = []

    def command(self, *argv: str) -> list[str]:
        if argv[0] == "tcpdump":
            self.file, self.what = argv[argv.index("-w") + 1], argv[-1]
            return ["sh", "-c", f": > {self.file}; {self.said}"]
        self.marks.append(argv[-1])
        return ["sh", "-c", f"printf 'frame' >> {self.file}"] if len(self.marks) < LATE else self._write()

    def _write(self) -> list[str]:
        return ["sh", "-c", f"printf '%s' '{self.marks[-1]}' >> {self.file}"]


def test_it_ends_when_the_mark_is_written(tmp_path: Path) -> None:
    namespace, file = Slow(), tmp_path / "seen.pcap"
    with sniffing(namespace, file, "tcp"):
        assert namespace.marks == []
    assert namespace.marks == [MARK.decode()] * LATE
    assert file.read_bytes() == b"frame" * (LATE - 1) + MARK
    assert namespace.what == f"({IS_MARK}) or (tcp)"


def test_what_fails_meanwhile_is_not_waited_for(tmp_path: Path) -> None:
    namespace = Slow()
    with pytest.raises(ZeroDivisionError), sniffing(namespace, tmp_path / "seen.pcap"):
        _ = 1 / 0
    assert namespace.marks == []
    namespace.reap()


def test_a_capture_that_does_not_begin_is_told_of(tmp_path: Path) -> None:
    namespace = Slow("echo out0: no such device >&2; exit 1")
    with (
        pytest.raises(LabError, match=r"tcpdump .*: out0: no such device"),
        sniffing(namespace, tmp_path / "seen.pcap"),
    ):
        raise AssertionError("it never began")
