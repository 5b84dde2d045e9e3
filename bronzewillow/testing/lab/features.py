"""What a lab test needs of the machine, by name. What is missing is a skip, or a failure if required.

`LAB_REQUIRE=vxlan,ipset` names features whose absence fails; `LAB_REQUIRE=all` means each one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path

ENVIRONMENT_VARIABLE = "BRONZEWILLOW_LAB"
"""The folder that `bronzewillow.testing.lab.environment` has made."""


class Verdict(Enum):
    """What becomes of a test."""

    RUN = "run"
    SKIP = "skip"
    FAIL = "fail"


def verdict(feature: str, reason: str, environ: Mapping[str, str]) -> Verdict:
    """`reason` is what `missing` said about `feature`."""
    if not reason:
        return Verdict.RUN
    required = {name.strip() for name in environ.get("LAB_REQUIRE", "").split(",")}
    return Verdict.FAIL if required & {feature, "all"} else Verdict.SKIP


def missing(feature: str, environ: Mapping[str, str] = os.environ) -> str:
    """Why `feature` cannot be had here; empty when it can. KeyError for a feature that nobody knows."""
    return _FEATURES[feature](environ)


def _netns(_: Mapping[str, str]) -> str:
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid():
        return "network namespaces need root"
    return _program("ip") or _program("ethtool") or _program("setpriv")


def _vxlan(_: Mapping[str, str]) -> str:
    return _device("vxlan", "id", "1", "dstport", "8472")


def _geneve(_: Mapping[str, str]) -> str:
    return _device("geneve", "id", "1", "remote", "192.0.2.1")


def _device(kind: str, *options: str) -> str:
    """Whether the kernel makes devices of a kind, tried in a namespace that goes at once."""
    unshared = ["unshare", "-n", "ip", "link", "add", "try0", "type", kind, *options]
    result = subprocess.run(unshared, capture_output=True, text=True, check=False)
    return f"no {kind} devices here: {result.stderr.strip()}" if result.returncode else ""


def _ipv6(_: Mapping[str, str]) -> str:
    return "" if Path("/proc/net/if_inet6").exists() else "the kernel has no IPv6"


def _ipset(_: Mapping[str, str]) -> str:
    return _program("ipset") or _program("iptables")


def _openvswitch(_: Mapping[str, str]) -> str:
    return _program("ovs-vswitchd") or _program("nft")


def _uml(_: Mapping[str, str]) -> str:
    return _program("linux.uml") or ("" if Path("/dev/net/tun").exists() else "there is no /dev/net/tun")


def _environment(environ: Mapping[str, str]) -> str:
    folder = environ.get(ENVIRONMENT_VARIABLE)
    if not folder:
        return f"{ENVIRONMENT_VARIABLE} is not set: run `make lab`"
    return "" if (Path(folder) / "venv" / "bin" / "bronzewillow").exists() else f"{folder} has no agent"


def _program(name: str) -> str:
    return "" if shutil.which(name) else f"{name} is not installed"


def _installed(name: str) -> Callable[[Mapping[str, str]], str]:
    return lambda _: _program(name)


_FEATURES: dict[str, Callable[[Mapping[str, str]], str]] = {
    "netns": _netns,
    "vxlan": _vxlan,
    "geneve": _geneve,
    "ipset": _ipset,
    "ipv6": _ipv6,
    "openvswitch": _openvswitch,
    "environment": _environment,
    "uml": _uml,
    **{name: _installed(name) for name in ("nft", "curl", "tcpdump", "iperf3", "ping", "containerd")},
}
