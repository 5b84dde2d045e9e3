from __future__ import annotations

from bronzewillow.stack.tcp.ecn import Ecn
from bronzewillow.wire.tcp import Flags

CWR = int(Flags.CWR)


def test_echoing_lasts_until_cwr() -> None:
    ecn = Ecn(1 << 30)
    ecn.on_segment(0, True)
    ecn.on_segment(0, False)
    assert ecn.is_echoing
    ecn.on_segment(CWR, False)
    assert not ecn.is_echoing


def test_one_reaction_to_a_window_of_data() -> None:
    ecn = Ecn(1 << 30)
    assert ecn.must_react(1_000, 9_000)
    assert not ecn.must_react(9_000, 12_000)
    assert ecn.must_react(9_001, 12_000)


def test_cwr_is_said_once_for_each_time_the_window_went_down() -> None:
    ecn = Ecn(1 << 30)
    assert ecn.take_cwr(1 << 30) == 0
    assert ecn.take_cwr(20_000) == CWR and ecn.take_cwr(20_000) == 0
    ecn.must_react(0, 1)
    assert ecn.take_cwr(20_000) == CWR  # ssthresh was at its floor already
    assert ecn.take_cwr(30_000) == 0  # a recovery was undone
