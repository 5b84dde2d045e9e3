from __future__ import annotations

import pytest

from bronzewillow.testing.notation import Notated, parse, pattern
from bronzewillow.wire.tcp import Flags, TcpOptions

FULL = "S. 0:0(0) ack 1 win 123 <mss 1410,sackOK,TS val 1 ecr 0,wscale 5>"


def test_the_notation_of_tcpdump() -> None:
    options = TcpOptions(1410, 5, True, (1, 0))
    assert parse(FULL) == Notated(int(Flags.SYN | Flags.ACK), 0, 0, 1, 123, options)
    assert str(parse(FULL)) == FULL
    assert parse(". 1:1(0) ack 5 <nop,nop,sack {7:9}{11:13}>").options == TcpOptions(sack=((7, 9), (11, 13)))
    assert parse("- 1:1(0)").flags == 0


@pytest.mark.parametrize(
    "text", ["", "X 1:1(0)", ". 1:2(0) ack 1", ". 1:1(0)", "R 1:1(0) ack 1", "S 0:0(0) <mms 5>"]
)
def test_what_it_cannot_mean_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        parse(text)


def test_only_what_is_written_is_compared() -> None:
    got = parse("P. 1:11(10) ack 5 win 9 <TS val 1 ecr 2>")
    for text in (". 1:11(10) ack 5", "P. 1:11(10) ack 5 win 9", ". 1:11(10) ack 5 <TS val 1 ecr 2>"):
        assert parse(text).matches(got)
    for text in ("F. 1:11(10) ack 5", ". 1:11(10) ack 6", ". 1:11(10) ack 5 win 8", ". 1:11(10) ack 5 <>"):
        assert not parse(text).matches(got)
    assert not parse("P. 1:11(10) ack 5").matches(parse(". 1:11(10) ack 5"))


def test_the_pattern_is_one_stream() -> None:
    whole = pattern(0, 200_000)
    assert len(whole) == 200_000
    assert pattern(65_530, 70_000) == whole[65_530:135_530] and pattern(3, 0) == b""
