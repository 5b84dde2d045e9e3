from __future__ import annotations

import pytest

from bronzewillow.stack import StackConfig, TcpConfig
from bronzewillow.stack.tcp.options import agree, answer, offer, window_shift
from bronzewillow.stack.tcp.tcb import Tcb
from bronzewillow.wire.tcp import NO_OPTIONS, TcpOptions, emit_options, parse_options

V4 = StackConfig(bytes((10, 0, 0, 1)))
V6 = StackConfig(bytes(15) + b"\1")
FULL = TcpOptions(1460, 7, True, (5, 0))


@pytest.mark.parametrize(
    ("size", "shift"),
    [(0, 0), (65_535, 0), (65_536, 1), (131_071, 1), (131_072, 2), (1 << 20, 5), (1 << 40, 14)],
)
def test_the_least_shift(size: int, shift: int) -> None:
    assert window_shift(size) == shift
    assert shift == 14 or size <= 65_536 << shift


def test_the_offer() -> None:
    assert offer(V4, V4.tcp, 9) == TcpOptions(1410, 7, True, (9, 0))
    plain = StackConfig(V4.address, tcp=TcpConfig(window_scale=False, timestamps=False, sack=False))
    assert offer(plain, plain.tcp, 9) == TcpOptions(1410)
    assert offer(V6, V6.tcp, 9) == TcpOptions(1390, 7, True, (9, 0))


@pytest.mark.rfc("9293:MUST-15")
def test_a_peer_that_says_no_mss() -> None:
    for config, mss in ((V4, 536), (V6, 1220)):
        tcb = Tcb()
        agree(tcb, config, config.tcp, NO_OPTIONS, 0)
        assert tcb.smss == mss


@pytest.mark.parametrize(
    "theirs", [FULL, NO_OPTIONS, TcpOptions(window_scale=0), TcpOptions(sack_permitted=True)]
)
def test_the_answer_has_only_what_was_offered(theirs: TcpOptions) -> None:
    tcb = Tcb()
    agree(tcb, V4, V4.tcp, theirs, 0)
    ours = answer(V4, 9, tcb)
    assert (ours.window_scale is None) == (theirs.window_scale is None)
    assert ours.sack_permitted == theirs.sack_permitted
    assert ours.timestamps == (None if theirs.timestamps is None else (9, 5))


def test_what_we_do_not_offer_is_not_agreed_on() -> None:
    tcb = Tcb()
    plain = TcpConfig(window_scale=False, timestamps=False, sack=False)
    agree(tcb, V4, plain, FULL, 0)
    assert (tcb.scaling_on, tcb.sack_on, tcb.timestamps_on) == (False, False, False)
    assert (tcb.snd_wind_shift, tcb.rcv_wind_shift) == (0, 0)


def test_a_shift_above_14_is_read_as_14() -> None:  # RFC 7323 2.3
    tcb = Tcb()
    agree(tcb, V4, V4.tcp, TcpOptions(window_scale=200), 0)
    assert tcb.snd_wind_shift == 14


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        (b"\x02\x00", NO_OPTIONS),  # length 0
        (b"\x02\x01", NO_OPTIONS),
        (b"\x02\x04\x05", NO_OPTIONS),  # past the end
        (b"\x05\x07" + bytes(5) + b"\x02\x04\x05\xb4", TcpOptions(1460)),  # SACK of odd length
        (b"\x05\x02\x02\x04\x05\xb4", TcpOptions(1460)),  # SACK without blocks
        (b"\x03\x03\x0f", TcpOptions(window_scale=14)),
        (b"\x00\x02\x04\x05\xb4", NO_OPTIONS),  # behind the end of the list
        (b"\xfd\x04\xab\xcd\x02\x04\x05\xb4", TcpOptions(1460)),  # unknown
    ],
)
def test_malformed_options_reach_the_stack_as_what_could_be_read(area: bytes, expected: TcpOptions) -> None:
    options = parse_options(area)
    assert options == expected
    agree(Tcb(), V4, V4.tcp, options, 0)
    assert len(emit_options(options)) % 4 == 0
