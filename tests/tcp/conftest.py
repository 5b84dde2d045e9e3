"""The connections that packet scripts start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bronzewillow.stack import StackConfig, TcpConfig
from bronzewillow.testing.script import LOCAL, Scripted

PLAIN = TcpConfig(window_scale=False, timestamps=False, sack=False)
"""No options but MSS: what most behaviours are easiest to see with."""

WITH_SACK = replace(PLAIN, sack=True)
WITH_TIMESTAMPS = replace(PLAIN, timestamps=True)

Open = Callable[..., Scripted]


def scripted(tcp: TcpConfig = PLAIN, *, isn: int = 1_000_000, mtu: int = 1040) -> Scripted:
    """A stack whose MSS is 1,000, so that numbers are easy to read, and stays so."""
    tcp = replace(tcp, path_probing=False)
    return Scripted(StackConfig(LOCAL, mtu=mtu, tcp=tcp), isn=isn)


def open_passively(
    tcp: TcpConfig = PLAIN,
    *,
    options: str = "mss 1000",
    win: int = 65_535,
    isn: int = 1_000_000,
    mtu: int = 1040,
) -> Scripted:
    """A connection that the peer has opened, in ESTABLISHED; its SYN carried `options`."""
    s = scripted(tcp, isn=isn, mtu=mtu)
    s.window = win
    s.timestamps = "TS" in options and tcp.timestamps
    s.script(f"""
        listen
        <  S  0:0(0) win {min(win, 65535)} <{options}>
        ignore
        <  .  1:1(0) ack 1
        accept
        state ESTABLISHED
    """)
    s.trace.clear()
    return s


def open_actively(tcp: TcpConfig = PLAIN, *, options: str = "mss 1000", isn: int = 1_000_000) -> Scripted:
    """A connection that we have opened, in ESTABLISHED."""
    s = scripted(tcp, isn=isn)
    s.timestamps = "TS" in options and tcp.timestamps
    s.script(f"""
        connect
        ignore
        <  S. 0:0(0) ack 1 <{options}>
        ignore
        events Connected
    """)
    s.trace.clear()
    return s


@pytest.fixture
def listening() -> Scripted:
    s = scripted()
    s.script("listen")
    return s


@pytest.fixture
def syn_sent() -> Scripted:
    s = scripted()
    s.script("connect\nignore")
    return s


@pytest.fixture
def established() -> Scripted:
    """Passively opened, MSS 1,000, no other option, RTO 200 ms."""
    return open_passively()


@pytest.fixture
def with_sack() -> Scripted:
    return open_passively(WITH_SACK, options="mss 1000,sackOK")


@pytest.fixture
def with_rfc6675() -> Scripted:
    """SACK without RACK."""
    return open_passively(replace(WITH_SACK, rack=False), options="mss 1000,sackOK")


@pytest.fixture
def with_timestamps() -> Scripted:
    return open_passively(WITH_TIMESTAMPS, options="mss 1000,TS val 1000 ecr 0")


@pytest.fixture
def with_scaling() -> Scripted:
    """The peer's shift is 2."""
    return open_passively(replace(PLAIN, window_scale=True), options="mss 1000,wscale 2")


@pytest.fixture
def open_with() -> Open:
    """`open_passively`, for connections that need something special."""
    return open_passively


@pytest.fixture
def dial_with() -> Open:
    """`open_actively`, likewise."""
    return open_actively


@pytest.fixture
def script_with() -> Open:
    """`scripted`: no connection yet."""
    return scripted
