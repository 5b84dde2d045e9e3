from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from bronzewillow.proxy.metrics import ProxyMetrics


def test_series_are_labelled_by_pod_and_port_and_leave_with_them() -> None:
    registry = CollectorRegistry()
    metrics = ProxyMetrics(registry)
    first, second = metrics.http_port("a/x", 80), metrics.http_port("a/y", 80)
    first.answered(200)
    first.answered(200)
    first.answered(429)
    second.answered(200)
    first.between.observe(0.02)

    def requests(pod: str, status: str) -> float | None:
        labels = {"pod": pod, "port": "80", "status": status}
        return registry.get_sample_value("bronzewillow_http_requests_total", labels)

    assert (requests("a/x", "200"), requests("a/x", "429"), requests("a/y", "200")) == (2, 1, 1)
    first.forget()
    text = generate_latest(registry).decode()
    assert 'pod="a/x"' not in text
    assert requests("a/y", "200") == 1


def test_a_relay_counts_by_direction_and_forgets() -> None:
    registry = CollectorRegistry()
    relay = ProxyMetrics(registry).relay_port("a/x", 9)
    relay.opened()
    relay.moved(True, 10)
    relay.moved(False, 3)
    labels = {"pod": "a/x", "port": "9"}
    assert registry.get_sample_value("bronzewillow_relay_bytes_total", labels | {"direction": "in"}) == 10
    assert registry.get_sample_value("bronzewillow_relay_bytes_total", labels | {"direction": "out"}) == 3
    relay.closed()
    assert registry.get_sample_value("bronzewillow_relay_open_connections", labels) == 0
    relay.forget()
    assert 'pod="a/x"' not in generate_latest(registry).decode()


def test_a_server_that_takes_over_keeps_the_series() -> None:
    registry = CollectorRegistry()
    metrics = ProxyMetrics(registry)
    old, new = metrics.http_port("a/x", 80), metrics.http_port("a/x", 80)
    old.answered(200)
    new.answered(200)
    old.forget()
    new.answered(200)
    new.answered(503)
    labels = {"pod": "a/x", "port": "80"}
    assert registry.get_sample_value("bronzewillow_http_requests_total", labels | {"status": "200"}) == 3
    assert registry.get_sample_value("bronzewillow_http_requests_total", labels | {"status": "503"}) == 1
    before, after = metrics.relay_port("a/x", 9), metrics.relay_port("a/x", 9)
    before.forget()
    after.opened()
    assert registry.get_sample_value("bronzewillow_relay_open_connections", {"pod": "a/x", "port": "9"}) == 1
    new.forget()
    after.forget()
    assert 'pod="a/x"' not in generate_latest(registry).decode()
    metrics.http_port("a/x", 80).answered(200)
    assert registry.get_sample_value("bronzewillow_http_requests_total", labels | {"status": "200"}) == 1
