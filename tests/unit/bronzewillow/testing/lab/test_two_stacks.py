from __future__ import annotations

from bronzewillow.testing.lab.two_stacks import Goodput, said


def test_what_was_said_is_in_the_order_of_the_seeds_and_nothing_else() -> None:
    text = 'ready\n{"seed": 10, "whole": true}\nTraceback\n{"seed": 9, "whole": false}\n'
    assert said(text) == [{"seed": 9, "whole": False}, {"seed": 10, "whole": True}]


def test_the_ratio_is_ours_to_the_kernels() -> None:
    assert Goodput(kernel=20.0, ours=15.0).ratio == 0.75
