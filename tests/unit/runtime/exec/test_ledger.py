from __future__ import annotations

import os
import select
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from bronzewillow.testing.aio import run
from bronzewillow.testing.ends import has_ended
from bronzewillow.testing.loopback import until
from runtime.exec.ledger import Ledger, birth

pytestmark = pytest.mark.loopback


def sleeper(script: str = "sleep 62 & echo; wait") -> subprocess.Popen[bytes]:
    process = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_what_was_left_is_ended_with_its_children(tmp_path: Path) -> None:
    process = sleeper()
    assert process.stdout is not None
    (child,) = psutil.Process(process.pid).children()
    (tmp_path / str(process.pid)).write_text(repr(birth(process.pid)))
    Ledger(tmp_path).end_left()
    assert process.wait(60) == -signal.SIGKILL and list(tmp_path.iterdir()) == []
    assert process.stdout.read() == b"", "the child held it, too"
    process.stdout.close()
    run(until(lambda: has_ended(child.pid)))


def test_children_without_their_leader(tmp_path: Path) -> None:
    process = sleeper("sleep 62 & echo")
    assert process.stdout is not None
    born = birth(process.pid)
    process.wait(60)
    (tmp_path / str(process.pid)).write_text(repr(born))
    Ledger(tmp_path).end_left()
    assert process.stdout.read() == b""
    process.stdout.close()


def test_what_begins_others_all_the_time(tmp_path: Path) -> None:
    process = sleeper("echo; for one in $(seq 200); do sleep 600 & done; wait")
    assert process.stdout is not None
    (tmp_path / str(process.pid)).write_text(repr(birth(process.pid)))
    Ledger(tmp_path).end_left()
    assert process.wait(60) == -signal.SIGKILL
    assert select.select([process.stdout], [], [], 60)[0], "one of them lives, and holds it"
    assert process.stdout.read() == b""
    process.stdout.close()


@pytest.mark.parametrize("step_s", [-86_400, 0.5, 86_400])
def test_the_clock_may_be_set_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_s: float
) -> None:
    process, tell, booted = sleeper(), psutil.Process.create_time, psutil.boot_time
    assert process.stdout is not None
    with Ledger(tmp_path).noting(process.pid):
        monkeypatch.setattr(psutil.Process, "create_time", lambda this: tell(this) + step_s)
        monkeypatch.setattr(psutil, "boot_time", lambda: booted() + step_s)
        Ledger(tmp_path).end_left()
        assert process.wait(60) == -signal.SIGKILL
    process.stdout.close()


def test_where_the_first_process_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(pid: int) -> psutil.Process:
        if pid == 1:
            raise psutil.NoSuchProcess(pid)
        return found

    found = psutil.Process()
    monkeypatch.setattr(psutil, "Process", hidden)
    monkeypatch.setattr(psutil, "boot_time", lambda: 1000.0)
    assert birth(os.getpid()) == found.create_time() - 1000.0


def test_another_process_with_the_number(tmp_path: Path) -> None:
    process = sleeper()
    assert process.stdout is not None
    (tmp_path / str(process.pid)).write_text(repr(birth(process.pid) - 60))
    (tmp_path / "half").touch()
    Ledger(tmp_path).end_left()
    assert process.poll() is None and list(tmp_path.iterdir()) == []
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    process.stdout.close()


def test_only_what_runs_is_noted(tmp_path: Path) -> None:
    ledger, process = Ledger(tmp_path), sleeper("echo; sleep 62")
    assert process.stdout is not None
    with ledger.noting(process.pid):
        assert [path.name for path in tmp_path.iterdir()] == [str(process.pid)]
    assert list(tmp_path.iterdir()) == []
    with ledger.noting(process.pid):
        ledger.end_left()
    assert process.wait(60) == -signal.SIGKILL
    process.stdout.close()
    with ledger.noting(2**22 + 1):
        assert list(tmp_path.iterdir()) == []
