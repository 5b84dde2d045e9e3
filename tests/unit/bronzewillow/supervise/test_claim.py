from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bronzewillow.supervise.claim import Claim, holder
from bronzewillow.supervise.errors import UpError
from bronzewillow.testing.aio import run

pytestmark = pytest.mark.loopback
WAITS = "import signal, sys; signal.signal(signal.SIGTERM, {}); print(1, flush=True); signal.pause()"


@contextmanager
def left_behind(
    path: Path, on_term: str = "signal.SIG_DFL", *, is_named: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon that has a claim which its starter has let go without a word, as one that was killed."""
    claim = Claim(path)
    assert claim.former() is None
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS.format(on_term)],
        stdout=subprocess.PIPE,
        pass_fds=(claim.descriptor,),
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        if is_named:
            claim.name(process.pid)

        os.close(claim.descriptor)
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(("on_term", "code"), [("signal.SIG_DFL", -15), ("signal.SIG_IGN", -9)])
def test_one_that_was_left_behind_makes_way(tmp_path: Path, on_term: str, code: int) -> None:
    with left_behind(tmp_path / "x.lock", on_term) as process:
        claim = Claim(tmp_path / "x.lock")
        assert claim.former() == process.pid
        assert run(claim.take(0.3 if code == -9 else 60)) == process.pid
        assert process.wait(60) == code
        assert run(claim.take(1)) is None
        claim.close()
        assert list(tmp_path.iterdir()) == []


def test_one_that_nobody_can_name(tmp_path: Path) -> None:
    with left_behind(tmp_path / "x.lock", is_named=False):
        claim = Claim(tmp_path / "x.lock")
        assert claim.former() == 0
        with pytest.raises(UpError, match="cannot be named"):
            run(claim.take(1))
        claim.close()


def test_a_name_of_a_process_that_has_gone_is_no_process(tmp_path: Path) -> None:
    first = Claim(tmp_path / "x.lock")
    assert first.former() is None
    first.name(1)

    os.close(first.descriptor)
    second = Claim(tmp_path / "x.lock")
    assert second.former() is None  # though the file says 1
    second.close()


def test_who_has_a_claim_can_be_asked_without_taking_it(tmp_path: Path) -> None:
    assert holder(tmp_path / "none.lock") is None
    claim = Claim(tmp_path / "x.lock")
    assert holder(tmp_path / "x.lock") is None
    assert claim.former() is None
    assert holder(tmp_path / "x.lock") == 0
    claim.name(123)
    assert holder(tmp_path / "x.lock") == 123
    claim.close()


def test_who_only_looks_is_not_taken_for_a_daemon(tmp_path: Path) -> None:
    claim = Claim(tmp_path / "x.lock")

    async def main() -> int | None:
        looking = os.open(tmp_path / "x.lock", os.O_RDONLY)
        fcntl.flock(looking, fcntl.LOCK_SH)
        asyncio.get_running_loop().call_soon(os.close, looking)
        return await claim.take(1)

    with subprocess.Popen([sys.executable, "-c", WAITS.format("signal.SIG_DFL")]) as other:
        claim.name(other.pid)  # as of a daemon that went without a word, whose number somebody else has now
        assert run(main()) is None
        assert other.poll() is None
        other.kill()
    claim.close()
