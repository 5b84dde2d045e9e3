"""What a container left to be told of its end."""

from __future__ import annotations

from pathlib import Path

from kubelet.provider.labels import MESSAGE_POLICY
from kubelet.provider.termination_message import log_tail, message_of
from runtime.api import cri_pb2 as api

LINE = b"2026-01-01T00:00:00.000000000Z stderr %s %s\n"


def status(log: Path, policy: str, code: int = 1) -> api.ContainerStatus:
    return api.ContainerStatus(
        exit_code=code, message="said by the runtime", log_path=str(log), annotations={MESSAGE_POLICY: policy}
    )


def test_the_runtime_says_it(tmp_path: Path) -> None:
    assert message_of(status(tmp_path / "0.log", "File")) == "said by the runtime"


def test_the_end_of_the_log_where_that_is_asked_for(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_bytes(LINE % (b"F", b"one") + LINE % (b"P", b"tw") + LINE % (b"F", b"o"))
    assert message_of(status(log, "FallbackToLogsOnError")) == "one\ntwo"
    assert message_of(status(log, "FallbackToLogsOnError", 0)) == "said by the runtime"
    assert message_of(status(tmp_path / "none", "FallbackToLogsOnError")) == "said by the runtime"


def test_the_end_is_short(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_bytes(b"".join(LINE % (b"F", b"%d" % number) for number in range(1000)))
    assert log_tail(log) == [str(number) for number in range(920, 1000)]
    log.write_bytes(b"".join(LINE % (b"F", b"x" * 100) for _ in range(1000)))
    assert len(message_of(status(log, "FallbackToLogsOnError"))) == 2048
    log.write_bytes(b"no log\n")
    assert log_tail(log) == []
