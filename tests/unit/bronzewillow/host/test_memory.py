from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from bronzewillow.host import memory

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")

CHURN = """
import resource, sys
from bronzewillow.host.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def trains():
    for _ in range(100):
        buffers = [bytes(60_000) for _ in range(40)]
trains()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
trains()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(way: str) -> int:
    done = subprocess.run([sys.executable, "-c", CHURN, way], capture_output=True, text=True, check=True)
    return int(done.stdout)


@glibc
def test_buffers_that_come_and_go_cost_no_page_faults() -> None:
    """240 MB in all: 4 KiB at a time that would be 58,000."""
    assert page_faults("keep") < 1_000 < page_faults("as it is")


def test_another_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not memory.keep_freed_memory()
