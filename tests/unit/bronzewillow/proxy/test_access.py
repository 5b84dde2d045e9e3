from __future__ import annotations

import json
import logging

import pytest
from prometheus_client import CollectorRegistry

from bronzewillow.proxy.access import ACCESS_LOG, RequestRecord
from bronzewillow.proxy.metrics import ProxyMetrics
from bronzewillow.proxy.tally import StreamTally
from bronzewillow.testing import aio


def test_the_first_event_and_not_the_first_comment_is_the_first_token() -> None:
    async def main() -> None:
        registry = CollectorRegistry()
        port = ProxyMetrics(registry).http_port("a/b", 80)
        record = RequestRecord("POST", "/x", ("10.0.0.1", 5), port)
        record.tally = StreamTally(b"text/event-stream")
        record.passed(b": comment\n\n")
        assert record.first_s is None
        record.passed(b"data: 1\n\n")
        assert record.first_s is not None
        record.passed(b"data: 2\n\ndata: 3\n\n")
        record.status = 200
        record.write("a/b", 80)
        labels = {"pod": "a/b", "port": "80"}
        assert registry.get_sample_value("bronzewillow_http_inter_token_seconds_count", labels) == 1
        assert registry.get_sample_value("bronzewillow_http_stream_tokens_total", labels) == 3
        assert registry.get_sample_value("bronzewillow_http_tokens_per_second_count", labels) == 1

    aio.run(main())


@pytest.mark.parametrize(
    ("host", "told"), [("10.0.0.1", "10.0.0.1:5"), ("fd00:10:0:1::", "[fd00:10:0:1::]:5")]
)
def test_a_client_of_either_family_is_told_with_its_port(
    caplog: pytest.LogCaptureFixture, host: str, told: str
) -> None:
    caplog.set_level(logging.INFO, ACCESS_LOG)

    async def main() -> None:
        RequestRecord("GET", "/", (host, 5), None).write("a/b", 80)

    aio.run(main())
    assert json.loads(caplog.records[-1].getMessage())["client"] == told


def test_a_hostile_path_stays_on_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, ACCESS_LOG)

    async def main() -> None:
        record = RequestRecord("GET", "/a\udcff\x1b[2Jb\n?key=secret", ("10.0.0.1", 5), None)
        record.write("a/b", 80)

    aio.run(main())
    text = caplog.records[0].getMessage()
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)["path"] == "/a\udcff\x1b[2Jb\n"
    assert "secret" not in text


@pytest.mark.parametrize(("status", "level"), [(200, logging.DEBUG), (503, logging.INFO)])
def test_a_kubelets_probe_is_told_when_it_goes_wrong(
    caplog: pytest.LogCaptureFixture, status: int, level: int
) -> None:
    caplog.set_level(logging.DEBUG, ACCESS_LOG)

    async def main() -> None:
        record = RequestRecord("GET", "/health", ("10.0.0.1", 5), None)
        record.is_probe, record.status = True, status
        record.write("a/b", 80)

    aio.run(main())
    assert [one.levelno for one in caplog.records] == [level]
