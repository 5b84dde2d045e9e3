"""What this process takes, by the names that every exporter has: on macOS, too, which has no /proc."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector


class ProcessMetrics(Collector):
    """Looked at when somebody asks."""

    def __init__(self) -> None:
        self._process = psutil.Process()

    def collect(self) -> Iterator[Metric]:
        """The families, as of now."""
        with self._process.oneshot():
            times, memory = self._process.cpu_times(), self._process.memory_info()
            began_s, files = self._process.create_time(), self._process.num_fds()
        cpu = CounterMetricFamily("process_cpu_seconds", "Total user and system CPU time spent in seconds.")
        cpu.add_metric([], times.user + times.system)
        yield cpu
        for name, text, value in (
            ("process_resident_memory_bytes", "Resident memory size in bytes.", memory.rss),
            ("process_virtual_memory_bytes", "Virtual memory size in bytes.", memory.vms),
            ("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", began_s),
            ("process_open_fds", "Number of open file descriptors.", files),
        ):
            yield GaugeMetricFamily(name, text, value=value)
