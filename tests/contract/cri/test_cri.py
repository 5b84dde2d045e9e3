"""Scripts of a kubelet's and of an administrator's day, driven by crictl where CRICTL names one."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bronzewillow.testing.gguf import emit_gguf, random_tensor
from bronzewillow.testing.node_processes import NodeProcesses, node_processes

from .clients import Client, Crictl, Own, Refused
from .streams import LIMIT_S

pytestmark = pytest.mark.loopback
TENSORS = {"token_embd.weight": random_tensor(random.Random(1), 8, 8)}
CRICTL = os.environ.get("CRICTL", "")


@pytest.fixture(scope="module")
def node() -> Iterator[NodeProcesses]:
    """With a real agent, and an image that the engine without a model serves."""
    with node_processes("--allow-exec", "/bin/echo", "--allow-exec", "/bin/cat") as node:
        (node.folder / "tiny.gguf").write_bytes(emit_gguf({"general.architecture": "llama"}, TENSORS))
        for name in ("tiny", "registry.invalid/team/tiny:v1"):
            node.run("runtime.runm", "create", name, "--model", str(node.folder / "tiny.gguf"))
        node.start_agent()
        node.start_runtime()
        yield node


@pytest.fixture(params=["own", *(["spdy", "websocket"] if CRICTL else [])])
def client(request: pytest.FixtureRequest, node: NodeProcesses) -> Iterator[Client]:
    if request.param != "own":
        yield Crictl(Path(CRICTL), node.cri, request.param)
        return
    own = Own(node.cri)
    yield own
    own.close()


class Pod:
    """Files for one, and its ids."""

    def __init__(self, folder: Path, name: str = "tiny") -> None:
        self.folder, self.name = folder, name
        self.pod_file, self.file = folder / f"{name}-pod.json", folder / f"{name}.json"
        metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}-{time.time_ns()}", "attempt": 1}
        logs = str(folder / "logs")
        self.pod_file.write_text(
            json.dumps({"metadata": metadata, "log_directory": logs, "labels": {"app": name}})
        )
        self.write({})

    def write(self, more: dict[str, object]) -> None:
        config = {
            "metadata": {"name": "llm", "attempt": 0}, "image": {"image": "tiny"},
            "args": ["--engine", "echo"], "log_path": f"{self.name}.log",
        }  # fmt: skip
        self.file.write_text(json.dumps({**config, **more}))

    @property
    def log(self) -> Path:
        return self.folder / "logs" / f"{self.name}.log"


@pytest.fixture
def pod(tmp_path: Path, client: Client) -> Iterator[Pod]:
    yield Pod(tmp_path)
    for one in client.ask("pods").get("items", []):
        client.do("stopp", one["id"])
        client.do("rmp", one["id"])


def until(is_so: Callable[[], bool], what: str) -> None:
    pause, end = threading.Event(), time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < end, what
        pause.wait(0.01)


def until_log_has(log: Path, text: str) -> None:
    until(lambda: log.exists() and text in log.read_text(), f"{text!r} is not in {log}")


def test_runtime_information(client: Client) -> None:
    if isinstance(client, Own):  # crictl prints no JSON for it
        assert client.ask("version")["runtimeName"] == "runm"
    else:
        assert "RuntimeName:  runm" in client.do("version")
    info = client.ask("info")
    assert {one["type"]: one["status"] for one in info["status"]["conditions"]} == {
        "RuntimeReady": True, "NetworkReady": True,
    }  # fmt: skip


def test_images(client: Client) -> None:
    (image,) = client.ask("images")["images"]
    assert image["repoTags"] == ["registry.invalid/team/tiny:v1", "tiny:latest"]
    assert (
        client.ask("inspecti", "tiny")["status" if isinstance(client, Crictl) else "image"]["id"]
        == image["id"]
    )
    assert image["id"] in client.do("pull", "tiny")
    (disk,) = client.ask("imagefsinfo")["status" if isinstance(client, Crictl) else "imageFilesystems"][
        "imageFilesystems" if isinstance(client, Crictl) else slice(None)
    ]
    assert int(disk["usedBytes"]["value"]) > 0


def test_a_day(client: Client, node: NodeProcesses, pod: Pod) -> None:
    pod_id = client.do("runp", str(pod.pod_file))
    container = client.do("create", pod_id, str(pod.file), str(pod.pod_file))
    (listed,) = client.ask("ps", "-a")["containers"]
    assert (listed["id"], listed["state"], listed["podSandboxId"]) == (container, "CONTAINER_CREATED", pod_id)
    client.do("start", container)
    until_log_has(pod.log, " stderr F ready")
    (listed_pod,) = client.ask("pods")["items"]
    assert (listed_pod["id"], listed_pod["state"], listed_pod["labels"]) == (
        pod_id, "SANDBOX_READY", {"app": "tiny"},
    )  # fmt: skip
    address = client.ask("inspectp", pod_id)["status"]["network"]["ip"]
    lease = json.loads((node.state_folder / "leases" / f"{address}.json").read_text())
    assert lease["container_id"] == pod_id
    found = client.ask("inspect", container)
    assert found["status"]["state"] == "CONTAINER_RUNNING"
    info = found["info"]["info"] if isinstance(client, Own) else found["info"]
    assert psutil.Process((json.loads(info) if isinstance(info, str) else info)["pid"]).is_running()
    (stats,) = client.ask("stats")["stats"]
    assert int(stats["memory"]["workingSetBytes"]["value"]) > 1 << 20
    (pod_stats,) = client.ask("statsp")["stats"]
    assert pod_stats["attributes"]["id"] == pod_id
    assert client.do("exec", "-s", container, "/bin/echo", "hello").strip() == "hello"
    with pytest.raises(Refused, match="may not be run"):
        client.do("exec", "-s", container, "/bin/sh")
    follower = client.follow(container)
    client.do("stop", "-t", "300", container)
    if isinstance(follower, subprocess.Popen):
        output, _ = follower.communicate(timeout=LIMIT_S)
        assert "ready" in output
    status = client.ask("inspect", container)["status"]
    assert (status["state"], status["exitCode"], status["reason"]) == ("CONTAINER_EXITED", 0, "Completed")
    client.do("rm", container)
    assert client.ask("ps", "-a")["containers"] == []
    client.do("stopp", pod_id)
    assert client.ask("pods")["items"][0]["state"] == "SANDBOX_NOTREADY"
    client.do("rmp", pod_id)
    assert client.ask("pods")["items"] == []
    if isinstance(client, Own):  # crictl removes it itself
        assert pod.log.exists(), "a log is the kubelet's to remove"


def test_idempotence(client: Client, pod: Pod) -> None:
    """As CRI demands: stop and remove, again and of what is not there."""
    pod_id = client.do("runp", str(pod.pod_file))
    container = client.do("create", pod_id, str(pod.file), str(pod.pod_file))
    client.do("start", container)
    for _ in range(2):
        client.do("stop", "-t", "0", container)
        assert client.ask("inspect", container)["status"]["exitCode"] == 137
    client.do("rm", container)
    for _ in range(2):
        client.do("stopp", pod_id)
    client.do("rmp", pod_id)
    client.do("rmi", "tiny:none") if isinstance(client, Own) else None
    if isinstance(client, Own):  # crictl itself looks for them first
        for words in (("stop", "-t", "0", container), ("rm", container), ("stopp", pod_id), ("rmp", pod_id)):
            client.do(*words)


def test_a_container_is_started_again_in_its_pod(client: Client, pod: Pod) -> None:
    pod_id = client.do("runp", str(pod.pod_file))
    address = client.ask("inspectp", pod_id)["status"]["network"]["ip"]
    for attempt in range(3):
        pod.write({"metadata": {"name": "llm", "attempt": attempt}})
        container = client.do("create", pod_id, str(pod.file), str(pod.pod_file))
        client.do("start", container)
        client.do("stop", "-t", "0", container)
    assert len(client.ask("ps", "-a")["containers"]) == 3
    assert client.ask("inspectp", pod_id)["status"]["network"]["ip"] == address


def test_logs_are_read_without_an_api_server(client: Client, node: NodeProcesses, pod: Pod) -> None:
    pod_id = client.do("runp", str(pod.pod_file))
    pod.write({"log_path": "0.log", "args": ["--engine", "none"]})
    first = client.do("create", pod_id, str(pod.file), str(pod.pod_file))
    client.do("start", first)
    until(lambda: client.ask("inspect", first)["status"]["state"] == "CONTAINER_EXITED", "it runs on")
    ended = node.run("kubelet", "logs", "tiny", "--previous")
    assert "'none' is not one of" in ended
    assert node.run("kubelet", "logs", "default/tiny") == ended

    pod.write({"metadata": {"name": "llm", "attempt": 1}})
    second = client.do("create", pod_id, str(pod.file), str(pod.pod_file))
    client.do("start", second)
    until_log_has(pod.log, " stderr F ready")
    assert node.run("kubelet", "logs", "tiny", "--previous") == ended
    assert node.run("kubelet", "logs", "tiny", "--tail", "1") == "ready\n"
    words = [sys.executable, "-m", "kubelet", "logs", "tiny", "--follow", "--tail", "1"]
    with subprocess.Popen(words, env=node.environment, stdout=subprocess.PIPE) as follower:
        assert follower.stdout is not None and follower.stdout.readline() == b"ready\n"
        client.do("stop", "-t", "300", second)
        follower.communicate(timeout=LIMIT_S)  # it ends with its container
    assert follower.returncode == 0
    with pytest.raises(RuntimeError, match="'other': is not here; there are: default/tiny"):
        node.run("kubelet", "logs", "other")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"image": {"image": "none"}}, "pull it first"),
        ({"linux": {"security_context": {"privileged": True}}}, "privileged"),
        ({"command": ["sh", "-c", "true"]}, "models alone"),
        ({"args": ["--listen", "0.0.0.0:80"]}, "--listen"),
        ({"tty": True}, "terminal"),
    ],
)
def test_what_is_refused(client: Client, pod: Pod, more: dict[str, object], words: str) -> None:
    pod_id = client.do("runp", str(pod.pod_file))
    pod.write(more)
    with pytest.raises(Refused, match=words):
        client.do("create", pod_id, str(pod.file), str(pod.pod_file))
    assert client.ask("ps", "-a")["containers"] == []


def test_a_log_that_is_moved(client: Client, node: NodeProcesses, pod: Pod) -> None:
    """As a kubelet rotates it."""
    pod_id = client.do("runp", str(pod.pod_file))
    container = client.do("create", pod_id, str(pod.file), str(pod.pod_file))
    client.do("start", container)
    until_log_has(pod.log, " stderr F ready")
    moved = pod.log.with_suffix(".moved")
    pod.log.rename(moved)
    own = Own(node.cri)
    own.reopen(container)
    own.close()
    client.do("stop", "-t", "300", container)
    assert moved.read_text().endswith("ready\n") and pod.log.exists()


def test_exec_attach_and_port_forward(client: Client, node: NodeProcesses, pod: Pod) -> None:
    pod.write({"args": ["--engine", "echo", "--drain-s", "0"], "envs": [{"key": "A", "value": "Yg=="}]})
    pod_id = client.do("runp", str(pod.pod_file))
    container = client.do("create", pod_id, str(pod.file), str(pod.pod_file))
    client.do("start", container)
    until_log_has(pod.log, " stderr F ready")

    heard = client.exec(container, "/bin/echo", "hello")
    assert (heard.output, heard.exit_code) == (b"hello\n", 0)
    stdin = b"a line, and\n" * 10_000
    if isinstance(client, Crictl):  # whose protocols tell the end of input
        assert client.exec(container, "/bin/cat", stdin=stdin).output == stdin
    heard = client.exec(container, "/bin/cat", "/none")
    assert heard.exit_code == 1 and b"/none" in heard.errors
    if isinstance(client, Own):
        with pytest.raises(Refused, match="may not be run"):
            client.exec(container, "/bin/sh")
    else:
        assert "may not be run" in client.exec(container, "/bin/sh").failure

    answer, _ = client.ask_port(pod_id, 8080, b"GET /health HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.") and b" 200 OK" in answer
    answer, text = client.ask_port(pod_id, 8081, b"GET / HTTP/1.0\r\n\r\n")
    assert answer == b"" and "nothing serves it" in text

    with client.attach(container) as heard:
        pause, end = threading.Event(), time.monotonic() + LIMIT_S
        while not list(node.runtime_folder.glob("pipes-*")):
            assert time.monotonic() < end, "nobody listens"
            pause.wait(0.01)
        path = node.runtime_folder / "p" / pod_id[:12] / "8080.sock"
        ask_and_never_listen(path, lambda: client.do("stop", "-t", "300", container))
    assert b"not all answers were finished" in heard.errors and b"ready" not in heard.errors
    assert not list(node.runtime_folder.glob("pipes-*"))


def ask_and_never_listen(path: Path, meanwhile: Callable[[], object]) -> None:
    """An answer that is not read is never finished, which the server says at its end."""
    question = {"messages": [{"role": "user", "content": "x " * 100}], "model": "tiny"}
    body = json.dumps(question | {"stream": True, "ignore_eos": True, "max_tokens": 10_000_000})
    head = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall((head + body).encode())
        assert connection.recv(100)
        meanwhile()
