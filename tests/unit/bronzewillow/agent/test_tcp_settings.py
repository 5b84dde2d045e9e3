from __future__ import annotations

import pytest

from bronzewillow.agent.fields import Problems, Table
from bronzewillow.agent.tcp_settings import parse_settings, read_tcp
from bronzewillow.agent.toml_lines import KeyLines
from bronzewillow.stack import TcpConfig
from bronzewillow.stack.tcp.ecn import EcnMode


def read(**values: object) -> tuple[TcpConfig, tuple[str, ...]]:
    problems = Problems("node.toml", KeyLines(""))
    return read_tcp(Table(values, ("tcp",), problems)), problems.lines()


def test_nothing_said_is_as_by_default() -> None:
    assert read() == (TcpConfig(), ())


def test_every_knob() -> None:
    settings, problems = read(
        congestion_control="reno", sack=False, rack=False, ecn="off", timestamps=False, window_scale=False,
        path_probing=False, send_buffer_bytes=65_536, receive_buffer_bytes=131_072,
    )  # fmt: skip
    assert problems == ()
    assert settings == TcpConfig(
        congestion_control="reno", sack=False, rack=False, ecn=EcnMode.OFF, timestamps=False,
        window_scale=False, path_probing=False, send_buffer_bytes=65_536, receive_buffer_bytes=131_072,
    )  # fmt: skip


def test_mistakes() -> None:
    _, problems = read(congestion_control="bbr", rack=1, ecn="yes", send_buffer_bytes=1, sakc=True)
    assert [line.partition(": ")[2] for line in problems] == [
        "tcp.ecn: 'yes' is not one of: off, accept, on",
        "tcp.send_buffer_bytes: 1 is not between 16384 and 67108864",
        "tcp.congestion_control: 'bbr' is not one of: cubic, reno",
        "tcp.rack: expected true or false, got an integer",
        "tcp.sakc: unknown key; did you mean sack?",
    ]


def test_the_command_lines_form() -> None:
    assert parse_settings(("rack=false", "ecn=on", "receive_buffer_bytes=4194304")) == TcpConfig(
        rack=False, ecn=EcnMode.ON, receive_buffer_bytes=4 << 20
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rack", "'rack' is not KEY=VALUE, such as rack=false"),
        ("rack=no", "rack: expected true or false, got a string"),
        ("rak=true", "rak: unknown key; did you mean rack?"),
        ("congestion_control=vegas", "congestion_control: 'vegas' is not one of: cubic, reno"),
    ],
)
def test_mistakes_of_the_command_line(text: str, told: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_settings((text,))
    assert str(caught.value) == told
