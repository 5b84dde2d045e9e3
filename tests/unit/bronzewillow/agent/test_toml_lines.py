"""Keys are found where a reader of the file would point."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.agent.toml_lines import KeyLines

TEXT = '''\
# a comment with [brackets] and key = "value"
title = "x # no comment"   # but this is
a.b.c = 1

[overlay]
encap = "vxlan"
"quoted key" = 1.5
text = """
port = 9
"""
raw = \'\'\'
x = 1
\'\'\'
when = 2026-11-23T10:00:00Z

[[overlay.peers]]
name = "one"
pod_cidrs = [
  "10.244.1.0/24",  # first
  # a comment line

  "10.244.2.0/24",
]

[[overlay.peers]]
name = "two"
[overlay.peers.extra]
deep = true

[[pods]]
ports = [
  { port = 8080, upstream = "unix:/x" },
  { port = 9000,
    upstream = "tcp:a:1" },
]
inline = { a = { b = [1, 2], c = 3 } }
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("a", "b", "c"), 3),
        (("overlay",), 5),
        (("overlay", "encap"), 6),
        (("overlay", "quoted key"), 7),
        (("overlay", "text"), 8),
        (("overlay", "raw"), 11),
        (("overlay", "when"), 14),
        (("overlay", "peers", 0), 16),
        (("overlay", "peers", 0, "name"), 17),
        (("overlay", "peers", 0, "pod_cidrs", 0), 19),
        (("overlay", "peers", 0, "pod_cidrs", 1), 22),
        (("overlay", "peers", 1, "name"), 26),
        (("overlay", "peers", 1, "extra", "deep"), 28),
        (("pods", 0, "ports", 0, "upstream"), 32),
        (("pods", 0, "ports", 1, "port"), 33),
        (("pods", 0, "inline", "a", "b", 1), 36),
        (("pods", 0, "inline", "a", "c"), 36),
    ],
)
def test_line(path: tuple[str | int, ...], line: int) -> None:
    assert KeyLines(TEXT).line(path) == line


def test_what_is_missing_is_missing_from_its_table() -> None:
    lines = KeyLines(TEXT)
    assert lines.line(("overlay", "peers", 1, "mac")) == 25
    assert lines.line(("overlay", "vni")) == 5
    assert lines.line(("nothing", "at", "all")) == 1


@given(st.text(alphabet="ab.=[]{}\"',#\n \\1", max_size=60))
def test_any_good_toml_is_read_to_its_end(text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    KeyLines(text).line(("a",))
