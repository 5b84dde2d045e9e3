from __future__ import annotations

import pytest

from bronzewillow.stack.tcp.loss_probe import LossProbe

DSACK = (9_000, 10_000)


def test_the_timeout() -> None:  # RFC 8985 7.2
    probe = LossProbe()
    assert probe.timeout(5_000, 1_000, 0) == 1_000_000
    assert probe.timeout(5_000, 1_000, 40_000) == 80_000
    assert probe.timeout(1_000, 1_000, 40_000) == 280_000
    assert probe.timeout(5_000, 1_000, 100) == 10_000


@pytest.mark.parametrize(
    ("una", "dsack", "duplicate", "repaired", "is_out"),
    [
        (9_000, None, False, False, True),
        (10_000, None, False, False, True),  # the original or the probe: not known yet
        (10_000, DSACK, False, False, False),
        (10_000, (8_000, 9_000), False, False, True),
        (10_000, None, True, False, False),
        (11_000, None, False, True, False),
        (11_000, DSACK, False, False, False),
    ],
)
def test_what_an_ack_says_of_a_retransmitted_probe(
    una: int, dsack: tuple[int, int] | None, duplicate: bool, repaired: bool, is_out: bool
) -> None:  # RFC 8985 7.4.2
    probe = LossProbe()
    probe.on_sent(10_000, is_retransmission=True)
    assert probe.on_ack(una, dsack, duplicate) is repaired
    assert probe.is_out is is_out


def test_a_probe_of_new_data_repairs_nothing() -> None:
    probe = LossProbe()
    probe.on_sent(10_000, is_retransmission=False)
    assert not probe.is_duplicate_of(DSACK)
    assert not probe.on_ack(20_000, None, False)
    assert not probe.is_out


def test_a_timeout_ends_the_episode() -> None:
    probe = LossProbe()
    probe.on_sent(10_000, is_retransmission=True)
    probe.forget()
    assert not probe.is_out and not probe.on_ack(20_000, None, False)
