"""The clients that users have, and many of them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bronzewillow.proxy import HttpLimits
from bronzewillow.testing.lab.calls import JSON_TYPE, MODEL, chat_body
from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.config import Port
from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.node import Node
from bronzewillow.testing.lab.plan import MAC_POD

pytestmark = pytest.mark.lab

CODES = ("-w", "%{http_code} %{exitcode}\\n", "-o", "/dev/null")


def test_the_openai_client(node: Node) -> None:
    program = str(Path(__file__).with_name("ask_openai.py"))
    told = json.loads(node.topology.pod.run(sys.executable, program, f"{MODEL}/v1", timeout_s=90))
    assert told["models"] == ["smollm2"]
    assert told["whole"].strip()
    assert told["streamed"] == told["whole"]
    assert told["chunks"] > 5
    assert told["error"] == 404


def test_two_hundred_requests_one_after_another(node: Node) -> None:
    pod = node.topology.pod
    fresh: Counter[str] = Counter()
    for _ in range(100):
        fresh[pod.run("curl", "-s", "-m", "30", *CODES, f"{MODEL}/v1/models").strip()] += 1
    assert fresh == {"200 0": 100}
    targets = ["-o", "/dev/null", f"{MODEL}/v1/models"] * 100
    kept = pod.run("curl", "-s", "-m", "30", "-w", "%{http_code} %{num_connects}\\n", *targets, timeout_s=120)
    assert Counter(kept.splitlines()) == {"200 0": 99, "200 1": 1}


def test_fifty_completions_one_after_another(node: Node) -> None:
    argv = ["curl", "-s", "-m", "300", *JSON_TYPE, "-d", chat_body(2, stream=False), "-w", "%{http_code}\\n"]
    targets = ["-o", "/dev/null", f"{MODEL}/v1/chat/completions"] * 50
    codes = Counter(node.topology.pod.run(*argv, *targets, timeout_s=310).split())
    assert codes == {"200": 50}


@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions"])
def test_fifty_requests_at_once(node: Node, path: str) -> None:
    """Where the model is slow, those beyond the first turn may wait too long for theirs, and are told so."""
    body = ["-d", chat_body(2), *JSON_TYPE] if path.endswith("completions") else []
    argv = ["curl", "-s", "-m", "300", "--parallel", "--parallel-immediate", "--parallel-max", "50", *body]
    targets = ["-o", "/dev/null", f"{MODEL}{path}"] * 50
    lines = node.topology.pod.run(*argv, "-w", "%{http_code} %{exitcode}\\n", *targets, timeout_s=310)
    codes = Counter(lines.splitlines())
    told_to_wait = codes.pop("429 0", 0)
    assert told_to_wait <= (50 - HttpLimits().concurrent_requests if body else 0)
    assert codes == {"200 0": 50 - told_to_wait}


def test_two_pods_at_once(node: Node) -> None:
    argv = ("curl", "-sSf", "-m", "120", *JSON_TYPE, "-d", chat_body(20), f"{MODEL}/v1/chat/completions")
    calls = [pod.popen(*argv) for pod in node.topology.pods for _ in range(2)]
    assert [call.wait(timeout=130) for call in calls] == [0] * 4


def test_iperf3_finds_no_fault(node: Node) -> None:
    """Not a benchmark: a well-known client's own checks."""
    pod, size = node.pod(), 64 << 20
    try:
        node.reload([replace(pod, ports=(*pod.ports, Port(5201, "tcp:127.0.0.1:5201", "tcp")))])
        for direction in ((), ("--reverse",)):
            with iperf3_server(node.topology.mac):
                argv = ("iperf3", "-c", MAC_POD, "-n", str(size), "-J", *direction)
                report = json.loads(node.topology.pod.run(*argv, timeout_s=120))
            assert report["end"]["sum_sent"]["bytes"] >= size, direction
            assert report["end"]["sum_received"]["bytes"] > 0, direction
    finally:
        node.reload([pod])


@contextmanager
def iperf3_server(namespace: Namespace) -> Iterator[None]:
    """For one test: it listens, and between two of them one server would not."""
    server = namespace.popen("iperf3", "-s", "-1", "-B", "127.0.0.1")
    try:
        wait_until(lambda: ":5201" in namespace.run("ss", "-Hltn"), "iperf3 listens")
        yield
    finally:
        server.kill()
        server.wait()
