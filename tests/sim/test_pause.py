"""A path that stands still for a moment: all that is in transit is late, and nothing is lost."""

from __future__ import annotations

import random

import pytest

from bronzewillow.stack import StackConfig, TcpConfig
from bronzewillow.testing.exchange import Exchange
from bronzewillow.testing.simnet import MILLISECOND, Direction, Link, SimNet

PAUSE = (100 * MILLISECOND, 600 * MILLISECOND)
LINK = Link(10 * MILLISECOND, rate_bytes_per_s=1_250_000)


class Pausing(Direction):
    """What would arrive during the pause arrives at its end, in order."""

    def arrivals(self, size: int, now: int) -> list[int]:
        begin, end = PAUSE
        return [end + (at - begin) // 100 if begin <= at < end else at for at in super().arrivals(size, now)]


STACKS = {
    "timestamps": TcpConfig(),
    "SACK alone": TcpConfig(timestamps=False),
    "neither": TcpConfig(timestamps=False, sack=False),
    "reno": TcpConfig(timestamps=False, congestion_control="reno"),
    "no RACK": TcpConfig(timestamps=False, rack=False),
}


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.rfc("5682:4")
@pytest.mark.rfc("9438:4.9.1")
def test_a_timeout_during_it_is_forgiven(stack: str) -> None:
    ends = (StackConfig(bytes((10, 0, 0, n)), tcp=STACKS[stack]) for n in (1, 2))
    net = SimNet(1, LINK, LINK, *ends)
    net.forward = Pausing(LINK, random.Random(1))
    Exchange(net, up=500_000, down=0).run()
    k = net.a.stack.counters
    assert k.retransmission_timeouts and k.spurious_recoveries == 1
    assert k.retransmitted_segments <= 3  # of the flight of dozens, the first, and a tail loss probe
