"""The node as a user unit of systemd (systemd.service(5))."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from pathlib import Path

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

UNIT = "bronzewillow.service"
_RESTART_S = 5
# process: pods, and whatever else is to outlive a restart, are in the unit's control group, too
_TEXT = """\
[Unit]
Description=bronzewillow: this machine as a node that serves LLMs
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec={restart_s}
KillMode=process
TimeoutStartSec=infinity
TimeoutStopSec={end_limit_s}
LimitNOFILE={open_files}
UMask=0077
{environment}
[Install]
WantedBy=default.target
"""


def unit(job: Job) -> str:
    """The unit file; pure."""
    return _TEXT.format(
        command=" ".join(map(_quoted, job.command)).replace("$", "$$"),
        restart_s=_RESTART_S,
        end_limit_s=END_LIMIT_S,
        open_files=OPEN_FILES,
        environment="".join(f"Environment={_quoted(f'{k}={v}')}\n" for k, v in job.environment.items()),
    )


class SystemdUnit:
    """Of the user's own manager."""

    log_hint = f"journalctl --user -u {UNIT} -f"

    def __init__(self, home: Path, environment: Mapping[str, str] = os.environ) -> None:
        config = environment.get("XDG_CONFIG_HOME")
        self._path = (Path(config) if config else home / ".config") / "systemd" / "user" / UNIT

    def text(self, job: Job) -> str:
        """The unit file."""
        # of a login session; the manager has the same one, or none while nobody is logged in
        runtime = f"/run/user/{os.getuid()}"
        kept = {k: v for k, v in job.environment.items() if (k, v) != ("XDG_RUNTIME_DIR", runtime)}
        return unit(Job(job.command, kept))

    def is_installed(self) -> bool:
        """Whether there is a unit file."""
        return self._path.exists()

    def install(self, job: Job) -> bool:
        """Started now, and with the user's manager. ServiceError, OSError."""
        _find_user_manager()
        is_new = write_if_new(self._path, self.text(job))
        if not is_new and run("systemctl", "--user", "is-active", UNIT).returncode == 0:
            return False
        run_well("systemctl", "--user", "daemon-reload")
        run_well("systemctl", "--user", "enable", UNIT)
        self.restart()
        return True

    def restart(self) -> None:
        """Not waited for: a node is ready when its cluster's network is. ServiceError."""
        run_well("systemctl", "--user", "restart", "--no-block", UNIT)

    def uninstall(self) -> bool:
        """End it and remove it; whether it was there. ServiceError, OSError."""
        if not self.is_installed():
            return False
        _find_user_manager()
        run_well("systemctl", "--user", "disable", "--now", UNIT)
        self._path.unlink(missing_ok=True)
        run_well("systemctl", "--user", "daemon-reload")
        return True

    def hints(self, job: Job) -> list[str]:
        """That it ends with the last session of its user, unless the user lingers."""
        user = getpass.getuser()
        if run("loginctl", "show-user", user, "--property=Linger", "--value").stdout.strip() == "yes":
            return []
        return [f"it ends when you log out, and starts when you log in: loginctl enable-linger {user}"]


def _find_user_manager() -> None:
    """ServiceError where the user has no systemd of their own that answers."""
    done = run("systemctl", "--user", "show-environment")
    if done.returncode:
        raise ServiceError(
            f"no user manager of systemd answers ({said(done)}): log in as this user, rather than by su, "
            "or start `bronzewillow up` by what starts programs here"
        )


def _quoted(word: str) -> str:
    """systemd.syntax(7): in double quotes, with C's escapes; % begins a specifier."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return f'"{escaped}"'
