from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from bronzewillow.testing.lab.guest_init import obey


def test_a_command_is_answered_with_its_end() -> None:
    command = {"argv": ["sh", "-c", "cat; echo bad >&2; exit 3"], "input": "in"}
    assert obey(json.dumps(command)) == {"code": 3, "out": "in", "err": "bad\n"}


def test_what_cannot_be_run_is_an_answer_too() -> None:
    assert obey(json.dumps({"argv": ["/no/such/program"]}))["code"] == 127
    slow = {"argv": [sys.executable, "-c", "input()"], "timeout_s": 0.0}
    assert obey(json.dumps(slow))["code"] == 127


def test_what_goes_on_is_not_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = {"argv": ["sh", "-c", "echo $A in $PWD"], "wait": False, "log": str(log)}
    answer = obey(json.dumps(command | {"env": {"A": "here"}, "cwd": str(tmp_path)}))
    os.waitpid(answer["pid"], 0)
    assert log.read_text() == f"here in {tmp_path}\n"
