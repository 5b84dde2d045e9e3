"""Credentials by a program (`client.authentication.k8s.io/v1` and `v1beta1`), as kubectl runs it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bronzewillow.host.children import send_signal
from bronzewillow.host.parsing import parse_json
from bronzewillow.kube.access import Presented
from bronzewillow.kube.errors import BadCredentials
from bronzewillow.kube.times import parse_time

API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_LONGEST_RUN_S = 60.0
_LONGEST_ANSWER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ExecConfig:
    """`users[].user.exec` of a kubeconfig."""

    command: str
    """A name that is looked up in PATH, or a path."""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to ours."""
    api_version: str = API_VERSIONS[0]
    install_hint: str = ""
    cluster: Mapping[str, Any] | None = None
    """What the plugin is told of the cluster, if it is to be told (`provideClusterInfo`)."""


class ExecIdentity:
    """Runs the program when what it said has expired, or was not believed."""

    def __init__(self, config: ExecConfig, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Nothing runs before the first request."""
        self.config, self._clock = config, clock
        self._presented: Presented | None = None
        self._expires: datetime | None = None
        self._one_at_a_time = asyncio.Lock()

    async def present(self) -> Presented:
        """What the program said last. BadCredentials."""
        async with self._one_at_a_time:
            expired = self._expires is not None and self._clock() >= self._expires
            if self._presented is None or expired:
                answer = await _run(self.config)
                self._presented, self._expires = parse_credential(answer, self.config)
            return self._presented

    def forget(self) -> bool:
        """The program may say something else."""
        self._presented = None
        return True


def parse_credential(answer: bytes, config: ExecConfig) -> tuple[Presented, datetime | None]:
    """What a program said, and until when it counts. BadCredentials."""
    try:
        credential = parse_json(answer)
        version, status = credential["apiVersion"], credential["status"]
        expires = status.get("expirationTimestamp")
        presented = Presented(
            certificate_pem=str(status.get("clientCertificateData") or "").encode(),
            key_pem=str(status.get("clientKeyData") or "").encode(),
            token=str(status.get("token") or ""),
        )
        until = parse_time(expires) if expires else None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadCredentials(f"exec plugin {config.command}: its answer is no ExecCredential") from None
    if version != config.api_version:
        raise BadCredentials(
            f"exec plugin {config.command}: answers in {version}, the kubeconfig says {config.api_version}"
        )
    if bool(presented.certificate_pem) != bool(presented.key_pem):
        raise BadCredentials(f"exec plugin {config.command}: gives a certificate or a key, but not both")
    if not presented.token and not presented.certificate_pem:
        raise BadCredentials(f"exec plugin {config.command}: gives neither a token nor a certificate")
    return presented, until


async def _run(config: ExecConfig) -> bytes:
    info: dict[str, Any] = {"interactive": False}
    if config.cluster is not None:
        info["cluster"] = config.cluster
    asked = {"apiVersion": config.api_version, "kind": "ExecCredential", "spec": info}
    try:
        process = await asyncio.create_subprocess_exec(
            config.command,
            *config.args,
            env={**os.environ, **config.env, "KUBERNETES_EXEC_INFO": json.dumps(asked)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        hint = f"; {' '.join(config.install_hint.split())}" if config.install_hint else ""
        raise BadCredentials(f"exec plugin {config.command}: cannot be run: {error.strerror}{hint}") from None
    try:
        async with asyncio.timeout(_LONGEST_RUN_S):
            answer, said = await asyncio.gather(_bounded(process.stdout), _bounded(process.stderr))
            code = await process.wait()
    except TimeoutError:
        raise BadCredentials(
            f"exec plugin {config.command}: no answer within {_LONGEST_RUN_S:.0f} s"
        ) from None
    finally:
        if process.returncode is None:
            send_signal(process, signal.SIGKILL)
            await process.wait()
    if code:
        words = " ".join(said.decode("utf-8", "replace").split())[-300:]
        raise BadCredentials(f"exec plugin {config.command}: exit code {code}{': ' * bool(words)}{words}")
    return answer


async def _bounded(stream: asyncio.StreamReader | None) -> bytes:
    assert stream is not None
    kept = bytearray()
    while chunk := await stream.read(65536):
        kept += chunk[: _LONGEST_ANSWER_BYTES - len(kept)]
    return bytes(kept)
