"""Network namespaces, and programs run in them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

_QUIET = (
    ("net.ipv6.conf.all.disable_ipv6", "1"),
    ("net.ipv6.conf.default.disable_ipv6", "1"),
    ("net.ipv4.conf.all.rp_filter", "0"),
    ("net.ipv4.conf.default.rp_filter", "0"),
)
CUBIC = ("congctl", "cubic")
"""Ends a route: a host may default to bbr, which hides what loss does, and bar cubic from being a default."""
_UNPRIVILEGED = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    *("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"),
)
NOBODY = 65534
_PATIENCE_S = "20"


class Process(Protocol):
    """A program that goes on, here or in a guest."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """The same, later."""

    def send_signal(self, sig: int) -> None:
        """Any."""

    def terminate(self) -> None:
        """SIGTERM."""

    def kill(self) -> None:
        """SIGKILL."""


class LabError(Exception):
    """The lab itself failed: a program it needs said no."""


def run(*argv: str, input: str | None = None, timeout_s: float = 30.0) -> str:
    """Standard output of a program that must succeed; LabError with what it said."""
    result = subprocess.run(argv, input=input, capture_output=True, text=True, timeout=timeout_s, check=False)
    if result.returncode:
        raise LabError(f"{' '.join(argv)}: exit {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def unprivileged(argv: Sequence[str]) -> list[str]:
    """`argv` as user and group 65534, without any capability or a way to get one."""
    return [*_UNPRIVILEGED, *argv]


class Namespace:
    """One network namespace, by its full name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._started: list[subprocess.Popen[bytes]] = []

    @classmethod
    def create(cls, name: str) -> Namespace:
        """A new one: loopback up, IPv6 off."""
        run("ip", "netns", "add", name)
        namespace = cls(name)
        namespace.quieten()
        return namespace

    def quieten(self) -> None:
        """Loopback up, IPv6 off, no filter by the way back."""
        self.ip("link", "set", "lo", "up")
        for key, value in _QUIET:
            self.sysctl(key, value)

    def command(self, *argv: str) -> list[str]:
        """The command line that runs `argv` in here; it execs, so that the process keeps its id."""
        return ["ip", "netns", "exec", self.name, *argv]

    def ip(self, *argv: str) -> str:
        """iproute2 in here."""
        return run("ip", "-n", self.name, *argv)

    def sysctl(self, key: str, value: str) -> None:
        """Set a kernel parameter in here."""
        run(*self.command("sysctl", "-qw", f"{key}={value}"))

    def run(self, *argv: str, input: str | None = None, timeout_s: float = 30.0) -> str:
        """Standard output of a program in here that must succeed."""
        return run(*self.command(*argv), input=input, timeout_s=timeout_s)

    def attempt(
        self, *argv: str, input: str | None = None, timeout_s: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        """A program in here that may fail."""
        return subprocess.run(
            self.command(*argv), input=input, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def ping(self, address: str, *options: str, count: int = 3) -> None:
        """So many at once; LabError when an answer is missing.

        Their interval is how long ping waits for the last of them: else it is twice as long as for the first,
        and what a busy machine answers later is lost to it.
        """
        often = ("-c", str(count), "-l", str(count), "-i", _PATIENCE_S, "-W", _PATIENCE_S)
        report = self.run("ping", *often, *options, address)
        if " 0% packet loss" not in report:
            raise LabError(f"{self.name} to {address}: {report}")

    def popen(
        self,
        *argv: str,
        stdout: IO[bytes] | int | None = subprocess.DEVNULL,
        stderr: IO[bytes] | int | None = subprocess.DEVNULL,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """A program in here that goes on; the janitor kills it at the latest."""
        process = subprocess.Popen(
            self.command(*argv), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=env, cwd=cwd
        )
        self._started.append(process)
        return process

    def begin(self, *argv: str, log: IO[bytes], env: Mapping[str, str], cwd: Path) -> Process:
        """The same; what it says goes to `log`."""
        return self.popen(*argv, stdout=log, stderr=log, env=env, cwd=cwd)

    def reap(self) -> None:
        """Wait for everything that was started in here, all of it killed by now."""
        for process in self._started:
            process.wait(timeout=10)


def join(a: Namespace, device_a: str, b: Namespace, device_b: str, mtu: int) -> None:
    """A veth pair, each end made in its namespace, both up."""
    ends = (
        device_a,
        "mtu",
        str(mtu),
        "type",
        "veth",
        "peer",
        "name",
        device_b,
        "netns",
        b.name,
        "mtu",
        str(mtu),
    )
    a.ip("link", "add", *ends)
    a.ip("link", "set", device_a, "up")
    b.ip("link", "set", device_b, "up")


def like_a_cable(namespace: Namespace, device: str, *, trains: bool = False) -> None:
    """Turn off what makes veth pass uncut packets and unfinished checksums. `trains` leaves GRO on."""
    off = (
        "tx",
        "tso",
        "gso",
        "tx-udp_tnl-segmentation",
        "tx-udp_tnl-csum-segmentation",
        "tx-udp-segmentation",
    )
    features = [word for name in off for word in (name, "off")]
    namespace.run("ethtool", "-K", device, *features, "gro", "on" if trains else "off")
