"""Asking macOS's own tools for what `mac` reads. None of them changes anything. Not run on macOS."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import psutil

from bronzewillow.doctor import mac
from bronzewillow.doctor.findings import Finding

_LIMIT_S = 10.0
Ask = Callable[..., str]
"""The words of a command; what it prints, empty when it fails."""


def ask(*command: str) -> str:
    """Of a tool that may not be there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def running_program() -> str:
    """What the system sees run. A Python of python.org or Homebrew is started by one file, and is another."""
    return psutil.Process().exe()


def check_mac(*, is_installed: bool, ask: Ask = ask) -> list[Finding]:
    """All of them; `is_installed`: whether `bronzewillow install` was run."""
    loginwindow = ("defaults", "read", "/Library/Preferences/com.apple.loginwindow", "autoLoginUser")
    interface = mac.interface_of(ask("route", "-n", "get", "default"))
    lease = ask("ipconfig", "getoption", interface, "lease_time") if interface else ""
    found = [
        *mac.of_power(ask("pmset", "-g")),
        mac.of_login(ask("fdesetup", "status"), ask(*loginwindow)),
        mac.of_local_network(ask("sw_vers", "-productVersion"), is_installed=is_installed),
        mac.of_firewall(
            ask("/usr/libexec/ApplicationFirewall/socketfilterfw", "--getglobalstate"), running_program()
        ),
        mac.of_wired_limit(ask("sysctl", "-n", "iogpu.wired_limit_mb"), ask("sysctl", "-n", "hw.memsize")),
        mac.of_lease(interface, lease),
        mac.of_service(is_installed=is_installed),
    ]
    return [one for one in found if one is not None]
