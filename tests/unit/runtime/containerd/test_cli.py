from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

pytestmark = pytest.mark.loopback


def llm_snapshotter(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "runtime.containerd", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_serves_until_it_is_told_to_end() -> None:
    with TemporaryDirectory(prefix="bw") as folder:
        socket = Path(folder, "run/s.sock")
        process = llm_snapshotter("serve", "--socket", str(socket), "--root", f"{folder}/root")
        assert process.stderr is not None
        with process:
            for line in process.stderr:
                if line == "ready\n":
                    break
            assert socket.is_socket() and socket.stat().st_mode & 0o777 == 0o600
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            assert "Traceback" not in process.stderr.read()
        assert not socket.exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["serve", "--socket", "/" + "x" * 200 + "/s.sock"], 1, "choose a shorter path"),
        (["adopt", "--address", "/nowhere/c.sock", "x"], 1, "/nowhere/c.sock: no containerd listens there"),
        (["adopt"], 2, "IMAGE"),
        (["dance"], 2, "dance"),
    ],
)
def test_mistakes(words: list[str], code: int, said: str) -> None:
    process = llm_snapshotter(*words)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code
    (line,) = errors.splitlines()
    assert line.startswith("llm-snapshotter: ") and said in line
