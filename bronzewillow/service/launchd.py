"""The node as a LaunchAgent of its user (launchd.plist(5), launchctl(1)). Not run on macOS."""

from __future__ import annotations

import os
import plistlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bronzewillow.service.job import (
    END_LIMIT_S,
    OPEN_FILES,
    Job,
    ServiceError,
    run,
    run_well,
    said,
    write_if_new,
)

LABEL = "io.bronzewillow.node"
_AGENTS = Path("Library/LaunchAgents")
_LOGS = Path("Library/Logs/bronzewillow")
_THROTTLE_S = 10
_GONE_LIMIT_S = END_LIMIT_S + 10.0
_LOOK_S = 0.5
_GUARDED = ("Desktop", "Documents", "Downloads")
_NO_SESSION = "no login session of this user is there: log in at the Mac's screen, and try again"


def launch_agent(job: Job, home: Path) -> dict[str, Any]:
    """The property list; pure."""
    logs = home / _LOGS
    files = {"NumberOfFiles": OPEN_FILES}
    return {
        "Label": LABEL,
        # launchd appends for ever, so the log is the program's own; what it cannot even say goes beside it
        "ProgramArguments": [*job.command, "--log-file", str(logs / "node.log")],
        "StandardOutPath": str(logs / "launchd.log"),
        "StandardErrorPath": str(logs / "launchd.log"),
        "EnvironmentVariables": dict(job.environment),
        "RunAtLoad": True,
        # a node that has left its cluster, or was ended by its user, ends well and stays ended
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": _THROTTLE_S,
        "ExitTimeOut": END_LIMIT_S,
        # without it App Nap and timer coalescing would slow down what the whole cluster waits for
        "ProcessType": "Interactive",
        "LegacyTimers": True,
        # pods outlive a restart of the node's programs
        "AbandonProcessGroup": True,
        "LimitLoadToSessionType": "Aqua",
        "SoftResourceLimits": files,
        "HardResourceLimits": files,
        "Umask": 0o077,
    }


def guarded_words(job: Job, home: Path) -> list[str]:
    """Paths of its command in folders that macOS asks about before a program reads them; pure."""
    folders = [home / name for name in _GUARDED]
    return [word for word in job.command if any(Path(word).is_relative_to(folder) for folder in folders)]


class LaunchAgent:
    """In the graphical session of its user, where Metal is."""

    def __init__(self, home: Path, wait: Callable[[float], None] = time.sleep) -> None:  # noqa: TID251
        """`home`: the user's folder; `wait`: sleeps for so many seconds."""
        self._home, self._wait = home, wait
        self._domain = f"gui/{os.getuid()}"
        self._path = home / _AGENTS / f"{LABEL}.plist"
        self.log_hint = f"tail -F {home / _LOGS / 'node.log'}"

    def text(self, job: Job) -> str:
        """The property list, as XML."""
        return plistlib.dumps(launch_agent(job, self._home), sort_keys=False).decode()

    def is_installed(self) -> bool:
        """Whether there is a property list."""
        return self._path.exists()

    def install(self, job: Job) -> bool:
        """Loaded into the session that is there, and at each login. ServiceError, OSError."""
        if run("launchctl", "print", self._domain).returncode:
            raise ServiceError(f"{self._domain}: {_NO_SESSION}")
        (self._home / _LOGS).mkdir(parents=True, exist_ok=True)
        is_new = write_if_new(self._path, self.text(job))
        if self._is_loaded():
            if not is_new:
                return False
            self._unload()
        run("launchctl", "enable", self._service)  # it may have been switched off among the login items
        run_well("launchctl", "bootstrap", self._domain, str(self._path))
        return True

    def restart(self) -> None:
        """End it and start it. ServiceError."""
        if not self._is_loaded():
            run_well("launchctl", "bootstrap", self._domain, str(self._path))
        else:
            run_well("launchctl", "kickstart", "-k", self._service)

    def uninstall(self) -> bool:
        """End it and remove it; whether it was there. ServiceError, OSError."""
        was_there = self._is_loaded() or self.is_installed()
        self._unload()
        self._path.unlink(missing_ok=True)
        return was_there

    def hints(self, job: Job) -> list[str]:
        """What launchd cannot do, and how its user can."""
        return [
            *(
                f"{word}: macOS may keep what launchd starts out of Desktop, Documents and Downloads "
                "(Operation not permitted): have it elsewhere, and install again"
                for word in guarded_words(job, self._home)
            ),
            "it starts when this user logs in; for a Mac that nobody sits at: System Settings, Users & "
            "Groups, Automatically log in (not possible with FileVault)",
            "macOS asks once whether it may use the local network, and accept connections: allow both",
        ]

    @property
    def _service(self) -> str:
        return f"{self._domain}/{LABEL}"

    def _is_loaded(self) -> bool:
        return run("launchctl", "print", self._service).returncode == 0

    def _unload(self) -> None:
        """Until it has ended: launchd refuses to load what it is still ending (5: Input/output error)."""
        if not self._is_loaded():
            return
        done = run("launchctl", "bootout", self._service)
        waited_s = 0.0
        while self._is_loaded():
            if waited_s >= _GONE_LIMIT_S:
                raise ServiceError(f"{self._service}: does not end ({said(done)}); try again")
            self._wait(_LOOK_S)
            waited_s += _LOOK_S
