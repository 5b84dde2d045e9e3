from __future__ import annotations

import pytest

from runtime.streaming.errors import ProtocolError
from runtime.streaming.terminal_size import SizeReader, TerminalSize


def test_sizes_back_to_back_and_cut_anywhere() -> None:
    data = b'{"Width":80,"Height":24}\n{"Width":100,"Height":50} {"Width":1,"Height":65535}'
    sizes = [TerminalSize(80, 24), TerminalSize(100, 50), TerminalSize(1, 65535)]
    for step in (1, 7, len(data)):
        reader = SizeReader()
        pieces = [data[at : at + step] for at in range(0, len(data), step)]
        assert [size for piece in pieces for size in reader.feed(piece)] == sizes


def test_what_is_no_size_is_passed_over() -> None:
    data = b'{"Width":0,"Height":0} [] 7 {"Width":true,"Height":1} {"Width":"9"} {"Width":70000,"Height":1}'
    assert list(SizeReader().feed(data + b'{"Width":9,"Height":9}')) == [TerminalSize(9, 9)]


@pytest.mark.parametrize("data", [b"x" * 2000, b"[" * 5000])
def test_what_is_no_json_has_a_bound(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(SizeReader().feed(data))
