from __future__ import annotations

import pytest

from bronzewillow.proxy.config import MAX_UNIX_PATH_BYTES, HttpLimits, RelayLimits, Upstream


@pytest.mark.parametrize(
    ("text", "upstream"),
    [
        ("unix:/run/x.sock", Upstream(path="/run/x.sock")),
        ("unix:/run/a:b", Upstream(path="/run/a:b")),
        ("tcp:127.0.0.1:9000", Upstream(host="127.0.0.1", port=9000)),
        ("tcp:localhost:1", Upstream(host="localhost", port=1)),
        ("tcp:[::1]:65535", Upstream(host="::1", port=65535)),
    ],
)
def test_parse_and_str_are_inverse(text: str, upstream: Upstream) -> None:
    assert Upstream.parse(text) == upstream
    assert str(upstream) == text


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("", "unix: or tcp:"),
        ("http://127.0.0.1", "unix: or tcp:"),
        ("unix:relative.sock", "absolute"),
        ("unix:", "absolute"),
        ("unix:/" + "x" * MAX_UNIX_PATH_BYTES, "shorter"),
        ("tcp:127.0.0.1", "HOST:PORT"),
        ("tcp::80", "host is missing"),
        ("tcp:h:", "HOST:PORT"),
        ("tcp:h:http", "HOST:PORT"),
        ("tcp:h:0", "between 1 and 65535"),
        ("tcp:h:65536", "between 1 and 65535"),
        ("tcp:::1:80", "brackets"),
        ("tcp:[nonsense]:80", "not an IPv6"),
        ("tcp:a..b:80", "no host name"),
        ("tcp:" + "x" * 64 + ":80", "no host name"),
        ("tcp:a\0b:80", "no host name"),
    ],
)
def test_parse_refuses_in_one_line_that_names_the_cure(text: str, cure: str) -> None:
    with pytest.raises(ValueError, match=cure) as caught:
        Upstream.parse(text)
    assert "\n" not in str(caught.value)


def test_the_longest_unix_path_is_taken() -> None:
    assert Upstream.parse("unix:/" + "x" * (MAX_UNIX_PATH_BYTES - 1)).path


def test_an_upstream_is_one_or_the_other() -> None:
    with pytest.raises(ValueError, match="not both"):
        Upstream(path="/x", host="h", port=1)
    with pytest.raises(ValueError, match="not both"):
        Upstream()


def test_limits_name_the_field_that_is_wrong() -> None:
    with pytest.raises(ValueError, match="body_bytes = 0"):
        HttpLimits(body_bytes=0)
    with pytest.raises(ValueError, match="idle_timeout_s = -1"):
        RelayLimits(idle_timeout_s=-1)
    assert HttpLimits(queue_length=0).queue_length == 0
