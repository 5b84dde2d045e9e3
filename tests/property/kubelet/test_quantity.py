"""Quantities: what is written is what was read."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kubelet.model.quantity import NANO, Format, Quantity, QuantityError, parse_quantity

SUFFIXES = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
SCALE = {
    **{name: Fraction(10) ** power for name, power in zip(SUFFIXES[:10], range(-9, 19, 3), strict=True)},
    **{name: Fraction(1024) ** power for name, power in zip(SUFFIXES[10:], range(1, 7), strict=True)},
}


@given(st.integers(-(10**18), 10**18), st.sampled_from(Format))
def test_canonical_text_is_read_as_the_same(nano: int, format: Format) -> None:
    quantity = Quantity(nano, format)
    again = parse_quantity(str(quantity))
    assert again.nano == nano
    assert str(again) == str(parse_quantity(str(again)))


@given(st.integers(0, 10**6), st.integers(0, 999), st.sampled_from(SUFFIXES))
def test_value_is_exact_rounded_away_from_zero(whole: int, thousandths: int, suffix: str) -> None:
    text = f"{whole}.{thousandths:03}{suffix}"
    exact = (whole + Fraction(thousandths, 1000)) * SCALE[suffix] * NANO
    nano = parse_quantity(text).nano
    assert nano == min(math.ceil(exact), (2**63 - 1) * NANO)
    assert parse_quantity(f"-{text}").nano == -nano


@given(st.text(max_size=80))
def test_any_text_is_a_quantity_or_an_error(text: str) -> None:
    try:
        quantity = parse_quantity(text)
    except QuantityError:
        return
    assert abs(quantity.nano) <= (2**63 - 1) * NANO
