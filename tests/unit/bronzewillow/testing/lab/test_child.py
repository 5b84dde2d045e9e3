from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bronzewillow.testing.lab.child import Child, wait_until
from bronzewillow.testing.lab.netns import LabError, Namespace

pytestmark = pytest.mark.loopback


class Here(Namespace):
    """The namespace that we are in anyway."""

    def command(self, *argv: str) -> list[str]:
        return list(argv)


def child(folder: Path, script: str) -> Child:
    return Child("program", Here("here"), ["sh", "-c", script], folder, os.environ)


def test_ready_is_waited_for_and_the_end_is_told(tmp_path: Path) -> None:
    program = child(tmp_path, "echo starting; echo ready >&2; exec cat /dev/zero >/dev/null")
    program.wait_line("ready")
    assert program.log.splitlines() == ["starting", "ready"]
    assert program.end() == -15


def test_a_program_that_ends_too_early_is_an_error_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"(?s)program ended with 3:.*out of luck"):
        child(tmp_path, "echo out of luck; exit 3").wait_line("ready")


def test_a_program_that_ignores_the_end_is_killed(tmp_path: Path) -> None:
    program = child(tmp_path, "trap '' TERM; echo ready; while :; do read -r _ </dev/zero; done")
    program.wait_line("ready")
    with pytest.raises(LabError, match="ignores SIGTERM"):
        program.end(timeout_s=0.05)
    program.process.wait(timeout=60)


def test_a_second_run_has_a_log_of_its_own(tmp_path: Path) -> None:
    for word in ("first", "second"):
        program = child(tmp_path, f"echo {word}")
        program.process.wait(timeout=60)
        assert program.log == f"{word}\n"
    assert program.log_path.read_text() == "first\nsecond\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the lab reads /proc")
def test_resources_are_those_of_the_process(tmp_path: Path) -> None:
    program = child(tmp_path, "exec 7</dev/null; echo ready; exec cat /dev/zero >/dev/null")
    try:
        program.wait_line("ready")
        assert program.open_files() >= 4
        assert program.resident_bytes() > 0
        assert program.status_field("Uid").split()[0] == str(os.getuid())
        with pytest.raises(LabError, match="no Nonsense"):
            program.status_field("Nonsense")
    finally:
        program.kill()


def test_waiting_ends_with_what_was_waited_for() -> None:
    answers = iter([False, False, True])
    wait_until(lambda: next(answers), "three", step_s=0)
    with pytest.raises(LabError, match="a miracle"):
        wait_until(lambda: False, "a miracle", 0, step_s=0)
