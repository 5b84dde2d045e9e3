from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.testing.aio import run
from runtime.cri.errors import DeadlineExceeded, InvalidArgument, PermissionDenied
from runtime.cri.exec_sync import Allowed, exec_sync
from runtime.exec.ledger import Ledger

pytestmark = pytest.mark.loopback


def test_only_what_is_allowed() -> None:
    allowed = Allowed(frozenset({"/bin/echo"}))
    allowed.check(["/bin/echo", "x"])
    for command in (["echo"], ["/bin/sh"], ["/bin/../bin/echo"]):
        with pytest.raises(PermissionDenied, match="may not be run"):
            allowed.check(command)
    with pytest.raises(PermissionDenied, match="--allow-exec"):
        Allowed().check(["/bin/echo"])
    with pytest.raises(InvalidArgument):
        allowed.check([])


def test_output_and_exit_codes(tmp_path: Path) -> None:
    def ran(*command: str) -> tuple[bytes, bytes, int]:
        return run(exec_sync(command, {"A": "b"}, 5, Ledger(tmp_path)))

    assert ran("sh", "-c", "echo $A; exit 7") == (b"b\n", b"", 7)
    assert ran("sh", "-c", "kill -9 $$")[2] == 137
    assert ran("/none/x") == (b"", b"/none/x: No such file or directory\n", 127)
    assert list(tmp_path.iterdir()) == []


def test_what_takes_too_long_is_ended_with_all_of_its_children(tmp_path: Path) -> None:
    with pytest.raises(DeadlineExceeded, match=r"sh: did not end within 0\.1 s"):
        run(exec_sync(["sh", "-c", "sleep 60 & sleep 60"], {}, 0.1, Ledger(tmp_path)))


def test_output_has_a_bound(tmp_path: Path) -> None:
    output, _, code = run(exec_sync(["sh", "-c", "head -c 20000000 /dev/zero"], {}, 10, Ledger(tmp_path)))
    assert (len(output), code) == (16 << 20, 0)
