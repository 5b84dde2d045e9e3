from __future__ import annotations

import dataclasses

import pytest

from bronzewillow.stack import Stack, StackConfig, TcpConfig
from bronzewillow.stack.errors import LocalError
from bronzewillow.testing.script import LOCAL, Scripted


def test_configs_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        StackConfig(LOCAL).mtu = 9000  # type: ignore[misc]


def test_a_super_segment_and_its_headers_fit_an_ip_packet() -> None:
    config = StackConfig(LOCAL)
    pieces = -(-config.tcp.max_super_segment_bytes // (config.mtu - 40 - 12))
    encapsulated = 8 + 14 + 20 + 20 + 12  # VXLAN, and the inner Ethernet, IPv4 and TCP headers
    assert config.tcp.max_super_segment_bytes + pieces * encapsulated <= 65_507


def test_sizes_of_both_families() -> None:
    v4, v6 = StackConfig(LOCAL, mtu=1450), StackConfig(bytes(16), mtu=1450)
    assert (v4.header_bytes, v4.receive_mss, v4.default_send_mss) == (40, 1410, 536)
    assert (v6.header_bytes, v6.receive_mss, v6.default_send_mss) == (60, 1390, 1220)


def test_defaults_meet_the_requirements() -> None:
    tcp = TcpConfig()
    assert tcp.delayed_ack <= 500_000  # RFC 9293 SHLD-19
    assert tcp.user_timeout >= 180_000_000  # MUST-20, MUST-23
    assert not tcp.keepalive  # MUST-25
    assert tcp.keepalive_idle >= 7200_000_000  # MUST-28


def test_an_unknown_congestion_control_is_named() -> None:
    s = Scripted(StackConfig(LOCAL, tcp=TcpConfig(congestion_control="vegas")))
    assert isinstance(s.stack, Stack)
    with pytest.raises(LocalError, match="vegas"):
        s.script("connect")
