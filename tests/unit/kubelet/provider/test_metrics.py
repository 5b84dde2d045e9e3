"""What the runtime was asked."""

from __future__ import annotations

import grpc
import pytest
from prometheus_client import CollectorRegistry

from bronzewillow.testing.aio import run
from kubelet.provider.client import RuntimeClient
from kubelet.provider.errors import RuntimeRefusal
from kubelet.provider.lifecycle import Lifecycle
from kubelet.provider.metrics import RuntimeMetrics, operation_of

from ..conftest import runtime_double

OPERATIONS = "kubelet_runtime_operations"


@pytest.mark.parametrize(
    ("call", "operation"),
    [
        ("RunPodSandbox", "run_podsandbox"),
        ("ListPodSandboxStats", "list_podsandbox_stats"),
        ("ContainerStatus", "container_status"),
        ("ImageFsInfo", "image_fs_info"),
        ("Version", "version"),
    ],
)
def test_names(call: str, operation: str) -> None:
    assert operation_of(call) == operation


@pytest.mark.loopback
def test_calls_are_counted_and_so_are_their_errors() -> None:
    async def main() -> None:
        registry = CollectorRegistry()
        metrics = RuntimeMetrics(registry)
        async with runtime_double() as (double, plain):
            client = RuntimeClient(plain.socket, metrics)
            await client.version()
            double.refusals["ListPodSandbox"] = (grpc.StatusCode.INTERNAL, "broken")
            for _ in range(2):
                with pytest.raises(RuntimeRefusal):
                    await client.sandboxes()
            await client.close()
        value = registry.get_sample_value
        assert value(f"{OPERATIONS}_total", {"operation_type": "version"}) == 1
        assert value(f"{OPERATIONS}_total", {"operation_type": "list_podsandbox"}) == 2
        assert value(f"{OPERATIONS}_errors_total", {"operation_type": "list_podsandbox"}) == 2
        assert value(f"{OPERATIONS}_errors_total", {"operation_type": "version"}) is None
        assert value(f"{OPERATIONS}_duration_seconds_count", {"operation_type": "version"}) == 1

    run(main())


@pytest.mark.loopback
def test_lists_of_everything_are_timed() -> None:
    async def main() -> None:
        registry, instants = CollectorRegistry(), iter([0, 2_000_000, 5_000_000, 6_000_000])
        async with runtime_double() as (_, client):
            metrics = RuntimeMetrics(registry)
            lifecycle = Lifecycle(client, lambda _: None, lambda: next(instants), metrics=metrics)
            await lifecycle.relist()
            await lifecycle.relist()
        value = registry.get_sample_value
        assert value("kubelet_pleg_relist_duration_seconds_sum") == 3
        assert value("kubelet_pleg_relist_duration_seconds_count") == 2
        assert value("kubelet_pleg_relist_interval_seconds_sum") == 5
        assert (value("kubelet_pleg_last_seen_seconds") or 0) > 1_700_000_000

    run(main())
