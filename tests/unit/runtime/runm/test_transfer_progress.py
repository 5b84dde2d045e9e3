from __future__ import annotations

import io

import pytest

from runtime.images.digest import digest_of
from runtime.images.manifest import Descriptor
from runtime.registry.progress import Progress
from runtime.runm.transfer_progress import Lines, short, shown_progress

BLOB = Descriptor("", digest_of(b"x"), 1000)
ID = short(BLOB.digest)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_for_logs() -> None:
    now = [0.0]
    out = io.StringIO()
    lines = Lines("pulling", out, lambda: now[0])
    lines.begin(BLOB, 100)
    lines.advance(BLOB, 100)
    now[0] = 6
    lines.advance(BLOB, 300)
    lines.advance(BLOB, 500)
    lines.end(BLOB, "pulled")
    assert out.getvalue().splitlines() == [
        f"{ID}: pulling 1,000 bytes, 100 are here", f"{ID}: 50%", f"{ID}: pulled",
    ]  # fmt: skip


def use(progress: Progress) -> None:
    progress.begin(BLOB, 0)
    progress.advance(BLOB, 500)
    progress.begin(BLOB, 100)
    progress.end(BLOB, "pulled")
    progress.end(Descriptor("", digest_of(b"y"), 0), "exists")


def test_bars_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")  # a dumb one has none
    out = Terminal()
    with shown_progress("pulling", out) as progress:
        use(progress)
    assert f"pulled  {ID}" in out.getvalue()
    assert "\x1b[" in out.getvalue()
    plain = io.StringIO()
    with shown_progress("pulling", plain) as progress:
        use(progress)
    assert "\x1b[" not in plain.getvalue()
