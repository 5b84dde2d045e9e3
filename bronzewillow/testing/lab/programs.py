"""Programs of the lab's installation, as user 65534 without capabilities, and how their agent is asked."""

from __future__ import annotations

import http.client
import json
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bronzewillow.testing.lab.child import Child, wait_until
from bronzewillow.testing.lab.netns import NOBODY, Namespace, run, unprivileged

SENT_TWICE = frozenset({"tcp_out_of_window", "tcp_no_connection", "tcp_paws"})
"""Why segments are dropped that have come before: a kernel that waits for an ACK for 200 ms sends again."""


@dataclass(slots=True)
class Programs:
    """What runs in a lab, most of it in the Mac's namespace."""

    mac: Namespace
    folder: Path
    """Where user 65534 may write: sockets and logs."""
    environment: Path
    """What `bronzewillow.testing.lab.environment` has made."""
    children: list[Child] = field(default_factory=list)

    @property
    def control(self) -> Path:
        """The agent's control socket."""
        return self.folder / "agent" / "control.sock"

    def prepare(self) -> None:
        """Make the folders that user 65534 owns."""
        for folder in (self.folder, self.folder / "agent"):
            folder.mkdir(mode=0o700)
            os.chown(folder, NOBODY, NOBODY)

    def start(
        self,
        name: str,
        *argv: str,
        ready: str = "ready",
        timeout_s: float = 60.0,
        namespace: Namespace | None = None,
    ) -> Child:
        """A program; returned when it says `ready`."""
        whole = unprivileged([self._program(argv[0]), *argv[1:]])
        child = Child(name, namespace or self.mac, whole, self.folder, self._environ())
        self.children.append(child)
        child.wait_line(ready, timeout_s)
        return child

    def run_cli(self, *argv: str) -> str:
        """Standard output of a `bronzewillow` command, run by the agent's own user."""
        return run(*unprivileged([self._program("bronzewillow"), *argv, "--control", str(self.control)]))

    def status(self) -> dict[str, Any]:
        """The agent's status, by its control socket: no program has to start for it."""
        found: dict[str, Any] = ask_control(self.control, "/status")
        return found

    def flows(self) -> list[dict[str, Any]]:
        """The connections of our pods and of our node, likewise."""
        found: list[dict[str, Any]] = ask_control(self.control, "/flows")
        return found

    def wait_for_silence(self) -> None:
        """Return when no connection has anything left to say; one in TIME-WAIT has not."""
        wait_until(
            lambda: {flow["state"] for flow in self.flows()} <= {"TIME_WAIT"}, "all connections have ended"
        )

    def _program(self, name: str) -> str:
        return str(self.environment / "venv" / "bin" / name)

    def _environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("agent", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask_control(control: Path, path: str) -> Any:
    """What the control socket answers to a GET."""
    connection = _UnixConnection(control)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 200, response.status
        return json.load(response)
    finally:
        connection.close()
