from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.stack import StackConfig
from bronzewillow.stack.tcp.syn_cookies import PERIOD, SynCookies
from bronzewillow.wire.seqnum import add
from bronzewillow.wire.tcp import Flags, TcpOptions, TcpSegment

CONFIG = StackConfig(bytes((10, 0, 0, 1)))
LOCAL, REMOTE = (CONFIG.address, 80), (bytes((10, 0, 0, 2)), 40_000)
ACK, SYN = int(Flags.ACK), int(Flags.SYN)


def syn(options: TcpOptions = TcpOptions(1410, 7, True, (5, 0)), seq: int = 77) -> TcpSegment:  # noqa: B008
    return TcpSegment(40_000, 80, seq, 0, SYN, 65_535, options)


def ack_of(syn_ack: TcpSegment) -> TcpSegment:
    stamps = syn_ack.options.timestamps
    options = TcpOptions(timestamps=(6, stamps[0]) if stamps else None)
    return TcpSegment(40_000, 80, syn_ack.ack, add(syn_ack.seq, 1), ACK, 1000, options)


def cookies(seed: int = 1) -> SynCookies:
    return SynCookies(random.Random(seed))


@given(
    st.sampled_from([None, 0, 128, 536, 1410, 8910, 65_535]),
    st.one_of(st.none(), st.integers(0, 14)),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
)
def test_what_was_offered_comes_back(
    mss: int | None, shift: int | None, sack: bool, stamped: bool, seq: int, ts_value: int
) -> None:
    offered = TcpOptions(mss, shift, sack, (5, 0) if stamped else None)
    made = cookies()
    answer = made.answer(CONFIG, LOCAL, REMOTE, syn(offered, seq), ts_value, 0)
    if stamped:
        assert answer.options.timestamps is not None
        assert (ts_value - answer.options.timestamps[0]) & 0xFFFFFFFF < 128
    back = made.recall(LOCAL, REMOTE, ack_of(answer), 0)
    assert back is not None and back.seq == seq
    assert back.options.window_scale == (shift if stamped else None)
    assert back.options.sack_permitted == (sack and stamped)
    assert back.options.mss is not None and back.options.mss <= max(mss or 536, 128)


@pytest.mark.parametrize(
    ("local", "remote"),
    [
        ((LOCAL[0], 81), REMOTE),
        (LOCAL, (REMOTE[0], 40_001)),
        (LOCAL, (bytes((10, 0, 0, 3)), 40_000)),
    ],
)
def test_it_is_of_one_connection(local: tuple[bytes, int], remote: tuple[bytes, int]) -> None:
    made = cookies()
    answer = ack_of(made.answer(CONFIG, LOCAL, REMOTE, syn(), 0, 0))
    assert made.recall(local, remote, answer, 0) is None
    assert cookies(2).recall(LOCAL, REMOTE, answer, 0) is None
    assert made.recall(LOCAL, REMOTE, answer, 0) is not None


def test_every_bit_counts() -> None:
    made = cookies()
    answer = ack_of(made.answer(CONFIG, LOCAL, REMOTE, syn(), 0, 0))
    for bit in range(32):
        assert made.recall(LOCAL, REMOTE, replace(answer, ack=add(answer.ack - 1 ^ 1 << bit, 1)), 0) is None
        assert made.recall(LOCAL, REMOTE, replace(answer, seq=add(answer.seq - 1 ^ 1 << bit, 1)), 0) is None


def test_secrets_change() -> None:
    made = cookies()
    answer = ack_of(made.answer(CONFIG, LOCAL, REMOTE, syn(), 0, 0))
    for now in (0, PERIOD, 2 * PERIOD - 1):
        made.answer(CONFIG, LOCAL, REMOTE, syn(), 0, now)
        assert made.recall(LOCAL, REMOTE, answer, now) is not None
    made.answer(CONFIG, LOCAL, REMOTE, syn(), 0, 2 * PERIOD)
    assert made.recall(LOCAL, REMOTE, answer, 2 * PERIOD) is None


def test_a_long_pause_forgets_both_secrets() -> None:
    made = cookies()
    answer = ack_of(made.answer(CONFIG, LOCAL, REMOTE, syn(), 0, 0))
    made.answer(CONFIG, LOCAL, REMOTE, syn(), 0, 100 * PERIOD)
    assert made.recall(LOCAL, REMOTE, answer, 100 * PERIOD) is None


def test_none_is_believed_before_one_was_made() -> None:
    made = cookies()
    answer = ack_of(cookies().answer(CONFIG, LOCAL, REMOTE, syn(), 0, 0))
    assert made.recall(LOCAL, REMOTE, answer, 0) is None
