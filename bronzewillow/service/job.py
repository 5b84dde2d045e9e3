"""What is to be run at login, and kept running: the words, and the environment that they are meant in."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bronzewillow.host.files import replace_file

_KEPT = (
    "PATH",
    *("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"),
    *("RUNM_STORE", "SSL_CERT_FILE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""Without them a service would look for sockets, images and registries elsewhere than its user's shell."""
OPEN_FILES = 65536
"""macOS gives a process 256; each connection of a pod is one or two, each model's server some more."""
END_LIMIT_S = 60
"""The programs of a node take up to 15 s each to end in order."""


class ServiceError(Exception):
    """Why there can be no such service; one line with the cure."""


@dataclass(frozen=True, slots=True)
class Job:
    """The program that is to run at every login, and its environment."""

    command: tuple[str, ...]
    """The first is an absolute path."""
    environment: Mapping[str, str] = field(default_factory=dict)


class UserService(Protocol):
    """What keeps a job running."""

    log_hint: str
    """Where one reads what it says."""

    def text(self, job: Job) -> str:
        """The file that `install` would write."""

    def is_installed(self) -> bool:
        """Whether it is there."""

    def install(self, job: Job) -> bool:
        """Write it, load it, start it; whether anything had to be done. ServiceError, OSError."""

    def restart(self) -> None:
        """It has another node to be. ServiceError."""

    def uninstall(self) -> bool:
        """End it and remove it; whether it was there. ServiceError, OSError."""

    def hints(self, job: Job) -> list[str]:
        """What else its user should do, in lines."""


def kept_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of a shell's that the service must have, too."""
    return {name: environment[name] for name in _KEPT if environment.get(name)}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """ServiceError where there is no such program."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ServiceError(f"{command[0]}: is not there; start `bronzewillow up` by other means") from None


def run_well(*command: str) -> None:
    """ServiceError when it says no."""
    done = run(*command)
    if done.returncode:
        raise ServiceError(f"{' '.join(command)}: {said(done)}")


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The last line of what a program said."""
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return lines[-1].strip() if lines else f"exit code {done.returncode}"


def write_if_new(path: Path, text: str) -> bool:
    """Whether it was another one; readable by its owner alone, as proxies may have passwords. OSError."""
    data = text.encode()
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, data, private=True)
    return True
