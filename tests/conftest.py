"""The header line, skips taken seriously, Hypothesis without a clock, and nothing of the user's surroundings.

Where `CI` is set a skip is a failure: what a test needs, CI has. Elsewhere it is a skip with its reason, and
the summary counts them. `LAB_REQUIRE` names the lab's features: see `bronzewillow.testing.lab.features`.
"""

from __future__ import annotations

import functools
import os
import socket
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A machine that others use as well is no reason to fail.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

_LONGEST_TEMPORARY_BYTES = 24
"""A unix socket's path has 104 bytes on macOS, whose folder for temporary files takes half of them."""

os.umask(0o022)
os.environ["RES_OPTIONS"] = "timeout:1 attempts:1"  # glibc waits 20 s for name servers that say nothing
for _name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[_name]  # a proxy of the user's would be asked for 127.0.0.1
if len(tempfile.gettempdir()) > _LONGEST_TEMPORARY_BYTES:
    os.environ["TMPDIR"] = tempfile.tempdir = "/tmp"


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In place of pytest's, whose names are too long for unix sockets in it."""
    with tempfile.TemporaryDirectory(prefix="bw", ignore_cleanup_errors=True) as folder:
        path = Path(folder).resolve() / "t"  # its parent is nobody else's either
        path.mkdir(mode=0o700)
        yield path


def _is_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


@functools.cache
def _has(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as bound:
            bound.bind((address, 0))
    except OSError:
        return False
    return True


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("ipv6") is not None and not _has("::1"):
        pytest.skip("this machine has no IPv6")
    if item.get_closest_marker("loopback2") is not None and not (_has("127.0.0.2") and _has("127.0.0.3")):
        pytest.skip("this machine has no 127.0.0.2 and 127.0.0.3")


def pytest_report_header() -> str:
    from bronzewillow.wire import kernel

    which = "compiled (native)" if kernel.NATIVE else "interpreted (pure Python)"
    skips = "failures (CI)" if _is_ci() else "allowed"
    return f"packet kernel: {which}; platform: {sys.platform}; skips: {skips}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and _is_ci() and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where CI is set: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and _is_ci():
        report.outcome = "failed"
        report.longrepr = f"module skipped where CI is set: {_reason(report.longrepr)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    terminalreporter.write_line(f"skipped: {len(skipped)}")
    for report in skipped:
        terminalreporter.write_line(f"  {report.nodeid}: {_reason(report.longrepr)}")


def _reason(longrepr: object) -> str:
    """The text of a skip, without its place."""
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
