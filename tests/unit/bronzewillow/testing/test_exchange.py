from __future__ import annotations

import io
from pathlib import Path

import pytest
from scapy.layers.inet import TCP
from scapy.utils import rdpcap

from bronzewillow.stack import Connection, StackConfig
from bronzewillow.testing.exchange import Exchange, bytes_on_the_wire, recorded, write_pcap
from bronzewillow.testing.simnet import Link, SimNet
from bronzewillow.wire.pcap import PcapWriter


def test_a_clean_exchange_ends_with_everything_freed() -> None:
    net = SimNet(1, Link(delay=10))
    Exchange(net, up=5000, down=3000, connections=3).run()
    assert net.b.stack.counters.accepted == 3
    assert net.now < 1_000_000


def test_lost_bytes_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Connection.send
    monkeypatch.setattr(Connection, "send", lambda c, data, now: original(c, data[:-1] + b"\0", now))
    net = SimNet(1, Link(delay=10))
    with pytest.raises(AssertionError, match="other bytes"):
        Exchange(net, up=5000, down=0, seed=3).run()


def test_a_reset_is_noticed(tmp_path: Path) -> None:
    net = SimNet(1, Link(loss=1.0))
    with (
        pytest.raises(AssertionError, match="seed abc: reset: the peer does not answer"),
        recorded(net, "abc", tmp_path),
    ):
        Exchange(net, up=1, down=1).run()


def test_the_capture_is_readable_and_complete(tmp_path: Path) -> None:
    net = SimNet(1, Link(delay=10), a=StackConfig(bytes((10, 0, 0, 1))))
    Exchange(net, up=5000, down=0).run()
    buffer = io.BytesIO()
    write_pcap(net, PcapWriter(buffer))
    path = tmp_path / "x.pcap"
    path.write_bytes(buffer.getvalue())
    packets = rdpcap(str(path))
    assert sum(len(bytes(packet[TCP].payload)) for packet in packets) >= 5000
    assert packets[0][TCP].flags == "S"
    assert len(bytes_on_the_wire(net)) > 5000
