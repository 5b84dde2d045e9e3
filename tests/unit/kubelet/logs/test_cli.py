"""`llm-kubelet logs` with a runtime behind a socket; tests/contract/cri has it with llm-containerd."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import pytest
from click.testing import CliRunner, Result

from kubelet.logs.cli import logs
from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import RuntimeServiceServicer, add_RuntimeServiceServicer_to_server

LINES = [b"2020-01-01T00:00:0%d.000000000Z stderr F line %d\n" % (n, n) for n in range(4)]


class Runtime(RuntimeServiceServicer):
    """One pod with one container, which has ended."""

    def __init__(self, log: str) -> None:
        self.log = log

    async def ListPodSandbox(self, request: object, context: object) -> api.ListPodSandboxResponse:
        metadata = api.PodSandboxMetadata(namespace="default", name="tiny-mac", uid="u")
        return api.ListPodSandboxResponse(items=[api.PodSandbox(id="s", metadata=metadata)])

    async def ListContainers(self, request: object, context: object) -> api.ListContainersResponse:
        metadata = api.ContainerMetadata(name="llm")
        one = api.Container(id="c", pod_sandbox_id="s", metadata=metadata, state=api.CONTAINER_EXITED)
        return api.ListContainersResponse(containers=[one])

    async def ContainerStatus(self, request: object, context: object) -> api.ContainerStatusResponse:
        status = api.ContainerStatus(id="c", state=api.CONTAINER_EXITED, log_path=self.log)
        return api.ContainerStatusResponse(status=status)


@asynccontextmanager
async def served(cri: Path, log: str) -> AsyncIterator[None]:
    server = grpc.aio.server()
    add_RuntimeServiceServicer_to_server(Runtime(log), server)
    server.add_insecure_port(f"unix:{cri}")
    await server.start()
    yield
    await server.stop(None)


def told(folder: Path, log: str, *words: str) -> Result:
    async def main() -> Result:
        cri = folder / "cri.sock"
        async with served(cri, log):
            arguments = ["--cri", str(cri), *words]
            return await asyncio.to_thread(CliRunner().invoke, logs, arguments)

    return asyncio.run(main())


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for sockets."""
    with TemporaryDirectory(prefix="bw") as name:
        yield Path(name)


@pytest.fixture
def log(folder: Path) -> str:
    path = folder / "0.log"
    path.write_bytes(b"".join(LINES))
    return str(path)


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ((), "line 0\nline 1\nline 2\nline 3\n"),
        (("--follow", "--previous", "--tail", "1"), "line 3\n"),
        (("--tail", "-1", "--limit-bytes", "9"), "line 0\nli"),
        (("--tail", "1", "--timestamps"), "2020-01-01T00:00:03.000000000Z line 3\n"),
        (("--since-time", "2020-01-01T00:00:03Z"), "line 3\n"),
        (("--since", "1ns"), ""),
        (("--since", "0"), "line 0\nline 1\nline 2\nline 3\n"),
    ],
)
def test_the_lines_that_are_wanted(folder: Path, log: str, words: tuple[str, ...], shown: str) -> None:
    result = told(folder, log, "tiny", "-c", "llm", *words)
    assert (result.exit_code, result.output) == (0, shown)


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("log", "words", "said"),
    [
        ("/none", ("other",), "pod 'other': is not here; there are: default/tiny-mac"),
        ("/none", ("tiny",), "/none: the log is gone, with its container"),
        ("", ("tiny",), "default/tiny-mac: container llm was made without a log"),
    ],
)
def test_what_is_not_here_is_told(folder: Path, log: str, words: tuple[str, ...], said: str) -> None:
    result = told(folder, log, *words)
    assert (result.exit_code, result.output) == (1, f"Error: {said}\n")


def test_without_a_runtime(folder: Path) -> None:
    result = CliRunner().invoke(logs, ["tiny", "--cri", str(folder / "cri.sock")])
    assert result.exit_code == 1
    assert "cri.sock: no container runtime answers here: bronzewillow up starts" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "5"), "'5': write a duration such as 30s, 5m or 1h30m"),
        (("--since-time", "noon"), "--since-time: 'noon' is no time of RFC 3339"),
        (("--since", "5s", "--since-time", "2020-01-01T00:00:00Z"), "say --since or --since-time, not both"),
        (("--tail", "-2"), "-2 is not in the range"),
    ],
)
def test_wrong_usage(words: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(logs, ["tiny", *words])
    assert (result.exit_code, said in result.output) == (2, True), result.output
