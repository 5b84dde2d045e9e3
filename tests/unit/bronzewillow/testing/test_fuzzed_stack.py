from __future__ import annotations

import random

import pytest

from bronzewillow.stack import Stack
from bronzewillow.testing import fuzzed_stack
from bronzewillow.testing.fuzzed_stack import any_stack

HANDSHAKE = bytes((0, 1, 0, 1, 2))
"""The first configuration, IPv4, passively: a polite SYN, a polite ACK."""


def test_any_bytes_will_do() -> None:
    rng = random.Random(4)
    for size in range(200):
        any_stack(rng.randbytes(size))


def test_a_program_gets_as_far_as_it_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    stacks: list[Stack] = []

    def watched(*args: object) -> Stack:
        stacks.append(Stack(*args))  # type: ignore[arg-type]
        return stacks[-1]

    monkeypatch.setattr(fuzzed_stack, "Stack", watched)
    any_stack(HANDSHAKE + bytes((1, 0x23, 4, 0x10)))  # then data from the peer, and from us
    (stack,) = stacks
    (c,) = stack.connections()
    assert c.state.value == "ESTABLISHED"
    assert (c.rcv_position, c.flight.size > 0) == (100, True)


def test_what_breaks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(stack: Stack, packets: object, now: int) -> None:
        raise KeyError("broken")

    monkeypatch.setattr(Stack, "receive", broken)
    with pytest.raises(KeyError):
        any_stack(HANDSHAKE)
