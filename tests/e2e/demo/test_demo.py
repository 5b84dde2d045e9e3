"""`bronzewillow demo` as a new user runs it: the last line, the capture, and what it leaves behind."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bronzewillow.testing import docker_registry

pytestmark = pytest.mark.e2e

KEYS = {"model", "text", "ttft_ms", "tokens", "tokens_per_s", "datagrams_in", "datagrams_out", "pcap"}


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bronzewillow", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Images that are not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNM_STORE", str(tmp_path_factory.mktemp("images")))
        yield


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The JSON of one run."""
    pcap = tmp_path_factory.mktemp("demo") / "demo.pcap"
    result = demo("--json", "--pcap", str(pcap))
    assert result.returncode == 0, result.stderr
    answer: dict[str, object] = json.loads(result.stdout.splitlines()[-1])
    return answer


def test_the_last_line_is_json_with_all_keys(shown: dict[str, object]) -> None:
    assert set(shown) == KEYS
    for key in ("ttft_ms", "tokens", "tokens_per_s", "datagrams_in", "datagrams_out"):
        value = shown[key]
        assert isinstance(value, int | float) and value > 0, key


def test_the_model_speaks_english(shown: dict[str, object]) -> None:
    words = set(re.findall(r"[a-z]+", str(shown["text"]).lower()))
    assert len(words & {"a", "and", "for", "in", "is", "it", "of", "that", "the", "to"}) >= 4, shown["text"]


def test_tcpdump_finds_whole_vxlan_and_no_bad_checksum(shown: dict[str, object]) -> None:
    read = subprocess.run(
        ["tcpdump", "-nn", "-vv", "-T", "vxlan", "-r", str(shown["pcap"])],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "VXLAN" in read.stdout
    assert "cksum" in read.stdout
    assert not re.search(r"\bbad\b|incorrect|truncated", read.stdout)  # a checksum may be 0x1bad


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_keep_prints_a_url_that_reaches_the_pod_and_ends_with_all_of_it(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    command = [sys.executable, "-m", "bronzewillow", "demo", "--keep", "--pcap", str(tmp_path / "d.pcap")]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # a shell's background jobs have it ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if line.startswith("curl "))
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found
            with urllib.request.urlopen(f"{found[0]}/v1/models", timeout=20) as answer:
                assert json.load(answer)["data"]
            children = psutil.Process(process.pid).children()
            assert len(children) == 2
            process.send_signal(number)
            assert process.wait(60) == code
            assert not any(child.is_running() for child in children)
        finally:
            process.kill()


def test_a_broken_model_is_told_in_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"not a model")
    result = demo("--model", str(broken))
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("bronzewillow: runm ended with")
    assert "Traceback" not in result.stderr


def test_with_a_registry_the_model_goes_there_and_comes_back(tmp_path: Path) -> None:
    if not docker_registry.is_there():
        pytest.skip("docker-registry is not installed; it is a package of Debian's")
    with docker_registry.docker_registry(tmp_path / "registry") as registry:
        arguments = ["--json", "--pcap", str(tmp_path / "d.pcap"), "--registry", registry.host]
        result = demo(*arguments, "--insecure")
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout.splitlines()[-1])["model"] == f"{registry.host}/demo/smollm2"
        refused = demo(*arguments)
        assert refused.returncode == 1
        assert "name it with --insecure" in refused.stderr.splitlines()[-1]
