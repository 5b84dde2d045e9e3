"""What macOS does to a node that nobody sits at, read from what its own tools print. Pure. Not run on macOS.

Each takes a tool's output and gives a finding, or None for what cannot be read.
"""

from __future__ import annotations

import re
import shlex

from bronzewillow.doctor.findings import Finding, Verdict

_KEPT_FOR_MACOS_MIB = 4096
_ASKS_SINCE = 15  # Sequoia
_BLOCKS_ALL = 2
_FIREWALL = "/usr/libexec/ApplicationFirewall/socketfilterfw"


def of_power(text: str) -> list[Finding]:
    """`pmset -g`: sleep, low power mode, and what comes after a power failure."""
    settings = {key: int(value) for key, value in re.findall(r"^\s*(\w+)\s+(\d+)", text, re.MULTILINE)}
    found = []
    if "sleep" in settings:
        minutes = settings["sleep"]
        if minutes:
            says = f"after {minutes} min without a user, unless pods run; then all connections are gone"
            found.append(_warning("sleep", says, "sudo pmset -a sleep 0; a closed lid sleeps all the same"))
        else:
            found.append(_good("sleep", "never by itself; a closed lid sleeps all the same"))
    if settings.get("lowpowermode"):
        cure = "sudo pmset -a lowpowermode 0"
        found.append(_warning("low power mode", "is on: models are slower", cure))
    if settings.get("autorestart") == 0:
        says = "the machine stays off when the power comes back"
        found.append(_warning("power failure", says, "sudo pmset -a autorestart 1"))
    return found


def of_login(filevault: str, automatic_user: str) -> Finding | None:
    """`fdesetup status`, and the user that is logged in automatically; empty for none."""
    if "FileVault is On" in filevault:
        says = "FileVault is on: after a restart nothing runs until somebody types a password"
        return _warning("login", says, "restart by: sudo fdesetup authrestart; or do without FileVault there")
    if "FileVault is Off" not in filevault:
        return None
    if not automatic_user.strip():
        says = "nobody is logged in automatically: after a restart the node waits for a user"
        return _warning("login", says, "System Settings, Users & Groups, Automatically log in")
    return _good("login", f"{automatic_user.strip()} is logged in automatically")


def of_local_network(version: str, *, is_installed: bool) -> Finding | None:
    """`sw_vers -productVersion`. Whether it is allowed cannot be asked; it shows as `No route to host`."""
    major = version.split(".")[0].strip()
    if not major.isdigit() or int(major) < _ASKS_SINCE or not is_installed:
        return None
    says = f"macOS {version.strip()} keeps what launchd starts off the local network until that is allowed"
    cure = "System Settings, Privacy & Security, Local Network; again after Python was updated"
    return _warning("local network", says, cure)


def of_firewall(text: str, python: str) -> Finding | None:
    """`socketfilterfw --getglobalstate`; `python`: the program that must be let through."""
    state = re.search(r"State = (\d)", text)
    if state is None:
        return None
    number = int(state[1])
    if not number:
        return _good("firewall", "is off")
    if number == _BLOCKS_ALL:
        says = "blocks all incoming connections: no peer reaches pods, and nobody their logs"
        return Finding(Verdict.BROKEN, "firewall", says, f"sudo {_FIREWALL} --setblockall off")
    says = "is on, and asks whoever sits there about the tunnel's port and 10250"
    program = shlex.quote(python)
    return _warning("firewall", says, f"sudo {_FIREWALL} --add {program} --unblockapp {program}")


def of_wired_limit(limit: str, memory: str) -> Finding | None:
    """`sysctl -n iogpu.wired_limit_mb` and `hw.memsize`: what of memory models may have on the GPU."""
    if not limit.strip().isdigit() or not memory.strip().isdigit():
        return None
    limit_mib, memory_mib = int(limit), int(memory) >> 20
    if not limit_mib:
        says = f"macOS's own, some two thirds to three quarters of {memory_mib} MiB"
        return _good(
            "GPU memory", f"{says}; more, until the next restart: sudo sysctl iogpu.wired_limit_mb=N"
        )
    if limit_mib > memory_mib - _KEPT_FOR_MACOS_MIB:
        says = f"models may wire {limit_mib} of {memory_mib} MiB, and macOS needs some {_KEPT_FOR_MACOS_MIB}"
        cure = f"sudo sysctl iogpu.wired_limit_mb={max(memory_mib - _KEPT_FOR_MACOS_MIB, 0)}"
        return _warning("GPU memory", says, cure)
    return _good("GPU memory", f"models may wire {limit_mib} of {memory_mib} MiB")


def of_lease(interface: str, seconds: str) -> Finding | None:
    """`ipconfig getoption INTERFACE lease_time`: empty where the address is fixed."""
    if not interface:
        return None
    if not seconds.strip().isdigit():
        return _good("address", f"that of {interface} is not leased")
    says = f"that of {interface} is leased by DHCP: the node follows a new one, with new connections"
    return _warning("address", says, "reserve it in the router, by the machine's MAC address")


def of_service(*, is_installed: bool) -> Finding:
    """Whether App Nap and a logout can do it harm."""
    if is_installed:
        return _good("service", "starts at login, as an interactive process: App Nap leaves it alone")
    says = "runs in a terminal only: it ends with it, and App Nap may slow it down"
    return _warning("service", says, "bronzewillow install")


def interface_of(text: str) -> str:
    """`route -n get default`; empty for none."""
    found = re.search(r"^\s*interface: (\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def _good(subject: str, text: str) -> Finding:
    return Finding(Verdict.GOOD, subject, text)


def _warning(subject: str, text: str, cure: str) -> Finding:
    return Finding(Verdict.WARNING, subject, text, cure)
