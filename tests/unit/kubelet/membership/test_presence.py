from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from bronzewillow.host.files import locked, try_lock
from bronzewillow.testing.aio import run
from kubelet.clock import SystemClock
from kubelet.membership import presence as module
from kubelet.membership.errors import MembershipError
from kubelet.membership.presence import Presence
from kubelet.testing.manual_clock import ManualClock

_RUNS = """
import pathlib, signal, sys
from kubelet.membership.presence import Presence
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with Presence(pathlib.Path(sys.argv[1])).running():
    print("runs", flush=True)
    signal.pause()
"""


def started(folder: Path, manner: str = "") -> subprocess.Popen[str]:
    """A process that is this node's llm-kubelet."""
    process = subprocess.Popen(
        [sys.executable, "-c", _RUNS, str(folder), manner], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "runs\n"
    return process


def test_there_is_one_a_node(tmp_path: Path) -> None:
    presence = Presence(tmp_path / "node")
    assert not presence.is_running()
    with presence.running():
        assert presence.is_running()
        with (
            pytest.raises(MembershipError, match="another llm-kubelet"),
            Presence(tmp_path / "node").running(),
        ):
            pass
    assert not presence.is_running()


def test_who_looks_is_in_nobodys_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    presence, has_come = Presence(tmp_path), threading.Event()
    with presence.running():
        pass

    def begin_to_run() -> bool:
        with Presence(tmp_path).running():
            return True

    @contextmanager
    def gate(path: Path) -> Iterator[None]:
        with try_lock(path) as is_open:
            assert not is_open, "who looks has it"
        has_come.set()
        with locked(path):
            yield

    @contextmanager
    def while_another_begins(path: Path) -> Iterator[bool]:
        monkeypatch.setattr(module, "try_lock", try_lock)
        monkeypatch.setattr(module, "locked", gate)
        with try_lock(path) as is_free:
            beginning.append(pool.submit(begin_to_run))
            beginning[0].add_done_callback(lambda _: has_come.set())
            has_come.wait()
            yield is_free

    beginning: list[Future[bool]] = []
    monkeypatch.setattr(module, "try_lock", while_another_begins)
    with ThreadPoolExecutor(1) as pool:
        assert not presence.is_running()
        assert beginning[0].result()


def test_it_can_be_ended(tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    process = started(tmp_path)
    assert presence.is_running()
    assert run(presence.end(10.0, SystemClock()))
    assert not presence.is_running()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    assert not run(presence.end(10.0, SystemClock()))


def test_one_that_does_not_end_is_named(tmp_path: Path) -> None:
    process = started(tmp_path, "stubborn")
    try:
        with pytest.raises(MembershipError, match=f"process {process.pid}"):
            run(Presence(tmp_path).end(0.0, ManualClock()))
    finally:
        process.kill()
        process.communicate()


def test_one_that_does_not_say_who_it_is_is_not_ended_by_guessing(tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    with presence.running():
        (tmp_path / "pid").write_text("?")
        with pytest.raises(MembershipError, match="end it yourself"):
            run(presence.end(1.0, ManualClock()))


def test_nobody_starts_while_the_node_leaves(tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    with presence.leaving(), pytest.raises(MembershipError, match="is leaving"), presence.running():
        pass
    with presence.running():
        pass
