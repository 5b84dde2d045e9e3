"""One way to speak to a runtime, with two tongues: crictl itself, and a client of our own with its verbs."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message

from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import ImageServiceStub, RuntimeServiceStub

from . import streams
from .streams import LIMIT_S, Heard

Json = dict[str, Any]


class Refused(Exception):
    """With what was said."""


class Client(Protocol):
    """crictl's verbs; the JSON is crictl's, which is CRI's own."""

    def ask(self, *words: str) -> Json:
        """A verb that prints JSON: `pods`, `ps`, `inspect ID` and so on."""

    def do(self, *words: str) -> str:
        """A verb that prints an id, or nothing: `runp FILE`, `create POD FILE FILE`, `stopp POD`..."""

    def follow(self, container: str) -> subprocess.Popen[str] | threading.Thread | None:
        """`logs -f`, where there is one."""

    def exec(self, container: str, *command: str, stdin: bytes = b"") -> Heard:
        """`exec`, to its end; with `-i` where there is something to say."""

    def attach(self, container: str) -> AbstractContextManager[Heard]:
        """`attach`, which has begun when this is entered."""

    def ask_port(self, pod: str, port: int, request: bytes) -> tuple[bytes, str]:
        """What a port of the pod answers over `port-forward`, and what is said where none does."""


class Crictl:
    """The program."""

    def __init__(self, program: Path, socket: Path, transport: str) -> None:
        """`transport`: of streams, `spdy` or `websocket`."""
        self._command = [
            str(program),
            "--runtime-endpoint",
            f"unix://{socket}",
            "--timeout",
            f"{LIMIT_S:.0f}s",
        ]
        self._transport = ("--transport", transport)

    def ask(self, *words: str) -> Json:
        """See Client."""
        verb, *rest = words
        found = json.loads(self.do(verb, "-o", "json", *rest))  # its flags come before its arguments
        assert isinstance(found, dict)
        return found

    def do(self, *words: str) -> str:
        """See Client."""
        done = subprocess.run(
            [*self._command, *words], capture_output=True, text=True, timeout=2 * LIMIT_S, check=False
        )
        if done.returncode:
            raise Refused(done.stderr)
        return done.stdout.strip()

    def follow(self, container: str) -> subprocess.Popen[str]:
        """See Client."""
        return subprocess.Popen(
            [*self._command, "logs", "-f", container],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # where the container's errors go
            text=True,
        )

    def exec(self, container: str, *command: str, stdin: bytes = b"") -> Heard:
        """See Client."""
        options = (*self._transport, *(["-i"] if stdin else []))
        done = subprocess.run(
            [*self._command, "exec", *options, container, *command],
            input=stdin, capture_output=True, timeout=2 * LIMIT_S, check=False,
        )  # fmt: skip
        heard = Heard(done.stdout, done.stderr, done.returncode)
        if done.returncode:  # crictl's own code is 1, whatever the command's was
            text = done.stderr.decode()
            code = re.search(r"exit code (\d+)", text)
            heard.exit_code, heard.failure = int(code[1]) if code else None, text
        return heard

    @contextmanager
    def attach(self, container: str) -> Iterator[Heard]:
        """See Client."""
        heard = Heard()
        process = subprocess.Popen(
            [*self._command, "attach", *self._transport, container],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        yield heard
        heard.output, heard.errors = process.communicate(timeout=LIMIT_S)
        heard.exit_code = process.returncode

    def ask_port(self, pod: str, port: int, request: bytes) -> tuple[bytes, str]:
        """See Client."""
        process = subprocess.Popen(
            [*self._command, "port-forward", *self._transport, pod, f":{port}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            while (found := re.search(r"127\.0\.0\.1:(\d+) ->", line := process.stdout.readline())) is None:
                assert line, "it has ended"
            with socket.create_connection(("127.0.0.1", int(found[1])), LIMIT_S) as connection:
                connection.sendall(request)
                answer = b""
                while data := connection.recv(1 << 16):
                    answer += data
        finally:
            if not answer:
                process.wait(LIMIT_S)  # an error ends it
            process.kill()
            text, _ = process.communicate()
        return answer, text


class Own:
    """The same over gRPC, as far as the scripts go."""

    def __init__(self, socket: Path) -> None:
        self._channel = grpc.insecure_channel(f"unix:{socket}")
        self._runtime, self._images = RuntimeServiceStub(self._channel), ImageServiceStub(self._channel)

    def reopen(self, container: str) -> None:
        """A kubelet's call, for which crictl has no verb."""
        self._runtime.ReopenContainerLog(api.ReopenContainerLogRequest(container_id=container))

    def close(self) -> None:
        """The connection."""
        self._channel.close()

    def ask(self, *words: str) -> Json:
        """See Client."""
        verb, *rest = (word for word in words if word not in ("-a", "-v"))
        asks: dict[str, Callable[..., Message]] = {
            "version": lambda: self._runtime.Version(api.VersionRequest()),
            "info": lambda: self._runtime.Status(api.StatusRequest(verbose=True)),
            "pods": lambda: self._runtime.ListPodSandbox(api.ListPodSandboxRequest()),
            "ps": lambda: self._runtime.ListContainers(api.ListContainersRequest()),
            "inspectp": lambda pod: self._runtime.PodSandboxStatus(
                api.PodSandboxStatusRequest(pod_sandbox_id=pod, verbose=True)
            ),
            "inspect": lambda one: self._runtime.ContainerStatus(
                api.ContainerStatusRequest(container_id=one, verbose=True)
            ),
            "stats": lambda: self._runtime.ListContainerStats(api.ListContainerStatsRequest()),
            "statsp": lambda: self._runtime.ListPodSandboxStats(api.ListPodSandboxStatsRequest()),
            "images": lambda: self._images.ListImages(api.ListImagesRequest()),
            "inspecti": lambda name: self._images.ImageStatus(
                api.ImageStatusRequest(image=api.ImageSpec(image=name))
            ),
            "imagefsinfo": lambda: self._images.ImageFsInfo(api.ImageFsInfoRequest()),
        }
        return dict(
            MessageToDict(_answered(lambda: asks[verb](*rest)), always_print_fields_with_no_presence=True)
        )

    def do(self, *words: str) -> str:
        """See Client."""
        verb, *rest = words
        does: dict[str, Callable[..., str]] = {
            "pull": lambda name: f"Image is up to date for {self._pull(name)}",
            "rmi": lambda name: self._none(
                self._images.RemoveImage, api.RemoveImageRequest(image=api.ImageSpec(image=name))
            ),
            "runp": lambda file: self._run(Path(file)),
            "create": lambda pod, file, pod_file: self._create(pod, Path(file), Path(pod_file)),
            "start": lambda one: self._none(
                self._runtime.StartContainer, api.StartContainerRequest(container_id=one)
            ),
            "stop": lambda _, seconds, one: self._none(
                self._runtime.StopContainer, api.StopContainerRequest(container_id=one, timeout=int(seconds))
            ),
            "rm": lambda one: self._none(
                self._runtime.RemoveContainer, api.RemoveContainerRequest(container_id=one)
            ),
            "stopp": lambda pod: self._none(
                self._runtime.StopPodSandbox, api.StopPodSandboxRequest(pod_sandbox_id=pod)
            ),
            "rmp": lambda pod: self._none(
                self._runtime.RemovePodSandbox, api.RemovePodSandboxRequest(pod_sandbox_id=pod)
            ),
            "exec": lambda _, one, *command: str(
                self._runtime.ExecSync(
                    api.ExecSyncRequest(container_id=one, cmd=command, timeout=int(LIMIT_S))
                ).stdout.decode()
            ),
        }
        return str(_answered(lambda: does[verb](*rest)))

    def follow(self, container: str) -> None:
        """The log is a file; there is nothing of a runtime in following it."""

    def exec(self, container: str, *command: str, stdin: bytes = b"") -> Heard:
        """See Client."""
        request = api.ExecRequest(
            container_id=container, cmd=command, stdin=bool(stdin), stdout=True, stderr=True
        )
        return streams.call(str(_answered(lambda: self._runtime.Exec(request)).url), stdin)

    def attach(self, container: str) -> AbstractContextManager[Heard]:
        """See Client."""
        request = api.AttachRequest(container_id=container, stdout=True, stderr=True)
        return streams.hearing(str(_answered(lambda: self._runtime.Attach(request)).url))

    def ask_port(self, pod: str, port: int, request: bytes) -> tuple[bytes, str]:
        """See Client."""
        asked = api.PortForwardRequest(pod_sandbox_id=pod, port=[port])
        url = str(_answered(lambda: self._runtime.PortForward(asked)).url)
        answer, text = streams.forwarded(url, request)
        return answer, text.decode()

    def _pull(self, name: str) -> str:
        return str(self._images.PullImage(api.PullImageRequest(image=api.ImageSpec(image=name))).image_ref)

    def _run(self, file: Path) -> str:
        config = ParseDict(json.loads(file.read_text()), api.PodSandboxConfig())
        return str(self._runtime.RunPodSandbox(api.RunPodSandboxRequest(config=config)).pod_sandbox_id)

    def _create(self, pod: str, file: Path, pod_file: Path) -> str:
        request = api.CreateContainerRequest(
            pod_sandbox_id=pod,
            config=ParseDict(json.loads(file.read_text()), api.ContainerConfig()),
            sandbox_config=ParseDict(json.loads(pod_file.read_text()), api.PodSandboxConfig()),
        )
        return str(self._runtime.CreateContainer(request).container_id)

    def _none(self, method: Callable[[Any], Message], request: Message) -> str:
        method(request)
        return ""


def _answered(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except grpc.RpcError as error:
        raise Refused(error.details()) from None
