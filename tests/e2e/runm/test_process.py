"""The life of the process: what it says when it cannot start, how it loads, and how it ends."""

from __future__ import annotations

import errno
import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from .conftest import LIMIT_S

pytestmark = pytest.mark.e2e


def _fail(*arguments: str) -> tuple[int, str]:
    """Run a `runm` that must fail; its exit code and its one line."""
    result = subprocess.run(
        [sys.executable, "-m", "runtime.runm", *arguments], capture_output=True, text=True, timeout=LIMIT_S
    )
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("runm: ")
    return result.returncode, line


def _serve(*arguments: str) -> tuple[int, str]:
    return _fail("serve", "--listen", "127.0.0.1:0", *arguments)


def test_missing_file() -> None:
    code, line = _serve("--model", "/nowhere/x.gguf")
    assert code == 1 and "/nowhere/x.gguf: no such file" in line


def test_no_gguf(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_text("<html>404</html>")
    code, line = _serve("--model", str(path))
    assert code == 1 and "not a GGUF file" in line


def test_truncated_file(tmp_path: Path, model_path: Path) -> None:
    path = tmp_path / "short.gguf"
    with model_path.open("rb") as file:
        path.write_bytes(file.read(10_000_000))
    code, line = _serve("--model", str(path))
    assert code == 1 and "cut off" in line and "10,000,000" in line


def test_port_in_use(model_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, line = _fail("serve", "--model", str(model_path), "--listen", f"127.0.0.1:{port}")
    assert code == 1 and f"cannot listen on 127.0.0.1:{port}" in line


@pytest.mark.parametrize(
    "listen", ["8080", "unix:", "127.0.0.1:http", "unix:/" + "x" * 120, "::1:80", "h:99999"]
)
def test_bad_address(listen: str) -> None:
    code, line = _fail("serve", "--model", "x", "--listen", listen)
    assert code == 2 and "--listen" in line


def test_missing_folder_of_the_socket(model_path: Path, tmp_path: Path) -> None:
    code, line = _fail("serve", "--model", str(model_path), "--listen", f"unix:{tmp_path}/no/r.sock")
    assert code == 1 and "folder does not exist" in line


def test_unknown_option() -> None:
    code, line = _fail("serve", "--wrong")
    assert code == 2 and "--wrong" in line


def test_no_llama_server(model_path: Path) -> None:
    code, line = _serve("--model", str(model_path), "--engine", "llama-server", "--llama-server", "/no/such")
    assert code == 1 and "/no/such: no such program" in line


def test_socket_of_another_server_is_left_alone(start: Any, model_path: Path) -> None:
    with start("--engine", "echo") as server:
        code, line = _fail("serve", "--model", str(model_path), "--listen", f"unix:{server.socket}")
        assert code == 1 and "another process serves there" in line
        assert server.socket.exists()


def test_stale_socket_is_replaced(start: Any) -> None:
    with start("--engine", "echo") as server:
        server.process.kill()
        server.process.wait()
        path = server.socket
        assert stat.S_ISSOCK(path.stat().st_mode)
        process = subprocess.Popen(
            [sys.executable, "-m", "runtime.runm", "serve", "--engine", "echo", "--listen", f"unix:{path}"],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr is not None
        assert [process.stderr.readline(), process.stderr.readline()][-1] == "ready\n"
        process.terminate()
        assert process.wait(LIMIT_S) == 0
        process.stderr.close()
        assert not path.exists()


def test_health_and_requests_while_loading(start: Any, model_path: Path) -> None:
    seen: set[int] = set()
    for _ in range(10):  # a small model may have loaded before the first question arrives
        seen.update(_statuses_until_ready(start, model_path))
        if 503 in seen:
            return
    raise AssertionError(seen)


def _statuses_until_ready(start: Any, model_path: Path) -> list[int]:
    with start("--model", str(model_path), wait=False) as server:
        server.until_bound()
        statuses = []
        while server.process.poll() is None:
            status, headers, body = _get(server.socket, "/health")
            statuses.append(status)
            if status == 200:
                break
            assert headers["Retry-After"] == "1" and json.loads(body)["status"] == "loading"
            code, headers, body = _get(server.socket, "/v1/models")
            assert code == 200 or (code == 503 and json.loads(body)["error"]["type"] == "server_error")
        assert statuses[-1] == 200 and set(statuses) <= {200, 503}
        assert server.stop() == 0
    return statuses


def test_sigterm_while_loading_ends_at_once(start: Any, model_path: Path) -> None:
    for _ in range(10):  # a small model may have loaded before the signal arrives
        with start("--model", str(model_path), wait=False) as server:
            server.until_bound()
            assert server.stop() == 0
            assert not server.socket.exists()
        if "ready" not in server.lines:
            return
    raise AssertionError(server.lines)


def test_sigterm_lets_answers_end(start: Any, model_path: Path) -> None:
    with start("--model", str(model_path), "--drain-s", str(LIMIT_S)) as server:
        body = {
            "messages": [{"role": "user", "content": "Count to ten."}],
            "max_tokens": 60,
            "ignore_eos": True,
        }
        answers: list[Any] = []

        def ask() -> None:
            request = urllib.request.Request(f"{server.url}/v1/chat/completions", json.dumps(body).encode())
            with urllib.request.urlopen(request) as answer:
                answers.append(json.load(answer))

        thread = threading.Thread(target=ask)
        thread.start()
        while not server.busy() and thread.is_alive():
            time.sleep(0.01)
        assert server.stop() == 0
        thread.join()
        assert answers[0]["usage"]["completion_tokens"] == 60
        assert not server.socket.exists()


def test_second_sigterm_hurries(start: Any, model_path: Path) -> None:
    with start("--model", str(model_path), "--drain-s", str(2 * LIMIT_S)) as server:
        body = {
            "messages": [{"role": "user", "content": "x"}],
            "max_tokens": 4000,
            "ignore_eos": True,
            "stream": True,
        }
        connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
        assert connection.getresponse().status == 200
        server.process.send_signal(signal.SIGTERM)
        while server.socket.exists():  # until it has been heard: two at once would be one
            assert server.process.poll() is None, server.lines
            time.sleep(0.01)
        assert server.process.poll() is None
        assert server.stop() == 0
        connection.close()
    assert any("not all answers were finished" in line for line in server.lines)


def test_queue_full(start: Any) -> None:
    with start("--engine", "echo", "--parallel", "1", "--queue", "0", "--context", "100000000") as server:
        body = json.dumps({"prompt": "a", "max_tokens": 10_000_000, "ignore_eos": True, "stream": True})
        first = http.client.HTTPConnection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        first.request("POST", "/v1/completions", body)
        assert first.getresponse().status == 200
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{server.url}/v1/completions", b'{"prompt":"b"}')
        with caught.value as refusal:
            assert refusal.code == 429 and refusal.headers["Retry-After"] == "1"
            assert json.load(refusal)["error"]["code"] == "rate_limit_exceeded"
        first.close()


def test_a_client_that_does_not_read_blocks_nobody(start: Any, model_path: Path) -> None:
    with start("--model", str(model_path), "--parallel", "1") as server:
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(str(server.socket))
            body = json.dumps(
                {"prompt": "a", "max_tokens": 200, "ignore_eos": True, "stream": True, "logprobs": 5}
            )
            head = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            deaf.sendall((head + body).encode())
            request = urllib.request.Request(f"{server.url}/v1/completions", b'{"prompt":"b","max_tokens":2}')
            with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
                assert json.load(answer)["usage"]["completion_tokens"] == 2
        assert server.stop() == 0


def test_child_of_llama_server_dies_with_a_killed_parent(start: Any, model_path: Path) -> None:
    program = os.environ.get("BRONZEWILLOW_LLAMA_SERVER")
    if program is None:
        pytest.skip("no llama-server: set BRONZEWILLOW_LLAMA_SERVER")
    arguments = ("--model", str(model_path), "--engine", "llama-server", "--llama-server", program)
    with start(*arguments) as server:
        listing = subprocess.run(
            ["ps", "-eo", "pid,ppid,comm"], capture_output=True, text=True, check=True
        ).stdout
        children = [
            int(fields[0])
            for fields in map(str.split, listing.splitlines()[1:])
            if fields[1] == str(server.process.pid) and "llama-server" in fields[2]
        ]
        assert len(children) == 1
        server.process.kill()
        server.process.wait()
        ended = time.monotonic() + LIMIT_S
        while _alive(children[0]):
            assert time.monotonic() < ended
            time.sleep(0.05)


def test_death_of_llama_server_ends_runm(start: Any, model_path: Path, tmp_path: Path) -> None:
    program = os.environ.get("BRONZEWILLOW_LLAMA_SERVER")
    if program is None:
        pytest.skip("no llama-server: set BRONZEWILLOW_LLAMA_SERVER")
    wrapper = tmp_path / "llama-server"
    wrapper.write_text(f'#!/bin/sh\necho $$ > {tmp_path}/pid\nexec {program} "$@"\n')
    wrapper.chmod(0o700)
    with start(
        "--model", str(model_path), "--engine", "llama-server", "--llama-server", str(wrapper)
    ) as server:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        assert server.process.wait(LIMIT_S) == 1
        assert not server.socket.exists()


def _alive(pid: int) -> bool:
    status = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True
    ).stdout.strip()
    return bool(status) and not status.startswith("Z")


def _get(path: Path, target: str) -> tuple[int, Any, bytes]:
    connection = http.client.HTTPConnection("x")
    connection.sock = socket.socket(socket.AF_UNIX)
    while connection.sock.connect_ex(str(path)) == errno.ECONNREFUSED:  # bound, and not yet listening
        time.sleep(0.002)
    connection.request("GET", target)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers, body
