from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bronzewillow.supervise.lines import NodeLog
from bronzewillow.supervise.log_file import LogFile


@contextmanager
def log_file(path: Path, most_bytes: int = 1000) -> Iterator[LogFile]:
    with closing(LogFile(path, most_bytes)) as file:
        yield file


def test_lines_have_a_time_and_belong_to_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "node.log"
    with log_file(path) as file:
        NodeLog(file, ("up", "agent"), is_coloured=False).write("up", "100 % \udcff ready")
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"
    assert re.fullmatch(rf"{stamp} up    \| 100 % \? ready\n", path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600


def test_its_size_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "node.log"
    for _ in range(2):  # another run goes on where the first has ended
        with log_file(path, 200) as file:
            for number in range(50):
                file.write(f"line {number}\n")
    assert "line 49" in path.read_text()
    files = [*tmp_path.iterdir()]
    assert len(files) == 6
    assert all(one.stat().st_size <= 200 for one in files)
    assert {one.stat().st_mode & 0o777 for one in files} == {0o600}


def test_a_full_disk_is_no_reason_to_end() -> None:
    with log_file(Path("/dev/full")) as file:
        file.write("unheard\n")
