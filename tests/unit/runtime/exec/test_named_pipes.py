from __future__ import annotations

import os
from pathlib import Path

import pytest

from bronzewillow.testing.aio import run
from runtime.exec.named_pipes import named_pipes


def test_what_is_written_is_read_and_nothing_is_left(tmp_path: Path) -> None:
    async def main() -> None:
        with named_pipes(tmp_path / "new", "stdout", "stderr") as pipes:
            path, reading = pipes["stdout"]
            writing = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            os.write(writing, b"x")
            os.close(writing)
            assert (await reading.read(), await reading.read()) == (b"x", b"")
            assert path.parent.stat().st_mode & 0o777 == 0o700
        assert list((tmp_path / "new").iterdir()) == []

    run(main())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError), named_pipes(tmp_path / "file", "x"):
        pass
