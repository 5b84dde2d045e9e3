"""Termination messages."""

from __future__ import annotations

from kubelet.model.termination_message import MessagePolicy, termination_message

FILE, LOGS = MessagePolicy.FILE, MessagePolicy.FALLBACK_TO_LOGS


def test_the_file_first_cut_to_its_limit() -> None:
    assert termination_message(LOGS, 1, b"why", ["log"], "runtime") == "why"
    assert len(termination_message(FILE, 0, b"x" * 9000, [], "")) == 4096
    assert termination_message(FILE, 0, b"\xff", [], "") == "\ufffd"


def test_logs_on_error_only() -> None:
    assert termination_message(LOGS, 1, b"", ["a", "b"], "runtime") == "a\nb"
    assert termination_message(LOGS, 0, b"", ["a"], "runtime") == "runtime"
    assert termination_message(FILE, 1, b"", ["a"], "runtime") == "runtime"


def test_logs_are_cut_to_lines_and_bytes() -> None:
    lines = [str(number) for number in range(200)]
    assert termination_message(LOGS, 1, b"", lines, "").split("\n")[0] == "120"
    assert termination_message(LOGS, 1, b"", ["ä" * 3000], "") == "ä" * 1024
    assert termination_message(LOGS, 1, b"", ["ä" * 3000 + "x"], "") == "ä" * 1023 + "x"
