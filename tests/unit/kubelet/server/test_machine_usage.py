"""This machine's own use."""

from __future__ import annotations

from pathlib import Path

from kubelet.server.machine_usage import PsutilMachine


def test_usage_adds_up(tmp_path: Path) -> None:
    machine = PsutilMachine(tmp_path)
    first, second = machine.usage(), machine.usage()
    assert second.time_ns >= first.time_ns > 0
    assert second.cpu_seconds >= first.cpu_seconds > 0
    assert second.memory_used_bytes > 0
    assert 0 < second.disk_available_bytes < second.disk_capacity_bytes
    assert second.cpu_cores >= 0
    assert 0 < second.booted_s < second.time_ns / 1e9
