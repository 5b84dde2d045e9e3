"""What a request for logs asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelet.server.log_options import InvalidOption, LogOptions, parse_log_options, parse_time_ns

NOW_NS = 1_700_000_000_000_000_000


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ({}, LogOptions()),
        ({"follow": "true", "timestamps": "1"}, LogOptions(follow=True, timestamps=True)),
        ({"previous": "false"}, LogOptions()),
        ({"tailLines": "10"}, LogOptions(tail_lines=10)),
        ({"tailLines": "0"}, LogOptions(tail_lines=0)),
        ({"tail": "all"}, LogOptions()),
        ({"tail": "5"}, LogOptions(tail_lines=5)),
        ({"limitBytes": "7"}, LogOptions(limit_bytes=7)),
        ({"sinceSeconds": "60"}, LogOptions(since_ns=NOW_NS - 60_000_000_000)),
        ({"sinceTime": "2023-11-14T22:13:20Z"}, LogOptions(since_ns=NOW_NS)),
        ({"stream": "Stderr"}, LogOptions(stream="stderr")),
        ({"stream": "All"}, LogOptions()),
        ({"insecureSkipTLSVerifyBackend": "true"}, LogOptions()),
    ],
)
def test_options(query: dict[str, str], options: LogOptions) -> None:
    assert parse_log_options(query, NOW_NS) == options


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"tailLines": "ten"}, 400),
        ({"tailLines": "-1"}, 422),
        ({"limitBytes": "0"}, 422),
        ({"sinceSeconds": "0"}, 422),
        ({"sinceTime": "yesterday"}, 400),
        ({"sinceTime": "2023-13-41T22:13:20Z"}, 400),
        ({"sinceSeconds": "5", "sinceTime": "2023-11-14T22:13:20Z"}, 422),
        ({"stream": "stdin"}, 422),
        ({"stream": "Stdout", "tailLines": "5"}, 422),
    ],
)
def test_what_cannot_be_meant(query: dict[str, str], status: int) -> None:
    with pytest.raises(InvalidOption) as caught:
        parse_log_options(query, NOW_NS)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2023-11-14T22:13:20.000000001Z", NOW_NS + 1),
        ("2023-11-14T23:13:20.5+01:00", NOW_NS + 500_000_000),
        ("1970-01-01T00:00:00Z", 0),
    ],
)
def test_times_have_nanoseconds(text: str, ns: int) -> None:
    assert parse_time_ns(text) == ns


@given(
    st.dictionaries(
        st.sampled_from(["tailLines", "sinceTime", "sinceSeconds", "limitBytes", "stream"]), st.text()
    )
)
def test_any_query_is_options_or_refused(query: dict[str, str]) -> None:
    try:
        parse_log_options(query, NOW_NS)
    except InvalidOption as error:
        assert error.status in (400, 422)
