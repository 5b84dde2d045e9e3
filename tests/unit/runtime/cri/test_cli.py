from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

pytestmark = pytest.mark.loopback


def llm_containerd(folder: str, *words: str) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-m", "runtime.cri", "--root", f"{folder}/root", "--store", f"{folder}/store",
        "--cni-conf-dir", f"{folder}/none", "--hosts", f"{folder}/none", *words,
    ]  # fmt: skip
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_it_serves_until_it_is_told_to_end() -> None:
    with TemporaryDirectory(prefix="bw") as folder:
        process = llm_containerd(folder, "--socket", f"{folder}/run/cri.sock")
        assert process.stderr is not None
        with process:
            for line in process.stderr:
                if line == "ready\n":
                    break
            assert Path(folder, "run/cri.sock").is_socket()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--socket", "/" + "x" * 200 + "/cri.sock"], 1, "choose a shorter path"),
        (["--insecure", "http://a.example"], 2, "is no registry"),
        (["--dance"], 2, "--dance"),
    ],
)
def test_mistakes(words: list[str], code: int, said: str) -> None:
    with TemporaryDirectory(prefix="bw") as folder:
        process = llm_containerd(folder, *words)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == code
    (line,) = errors.splitlines()
    assert line.startswith("llm-containerd: ") and said in line
