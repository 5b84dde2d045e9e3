"""Quantities."""

from __future__ import annotations

import pytest

from kubelet.model.quantity import NANO, Format, Quantity, QuantityError, parse_quantity


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("0", 0),
        ("1", NANO),
        ("100m", NANO // 10),
        ("5u", 5000),
        ("7n", 7),
        ("0.1n", 1),
        ("-0.1n", -1),
        ("1.5", NANO * 3 // 2),
        (".5", NANO // 2),
        ("2.", 2 * NANO),
        ("+3", 3 * NANO),
        ("-2k", -2000 * NANO),
        ("1M", 10**6 * NANO),
        ("1G", 10**9 * NANO),
        ("1T", 10**12 * NANO),
        ("1P", 10**15 * NANO),
        ("1E", 10**18 * NANO),
        ("1Ki", 1024 * NANO),
        ("0.5Gi", 2**29 * NANO),
        ("1Ti", 2**40 * NANO),
        ("1Pi", 2**50 * NANO),
        ("1Ei", 2**60 * NANO),
        ("2e3", 2000 * NANO),
        ("2E-3", NANO // 500),
        ("1e999999999", (2**63 - 1) * NANO),
        ("1e-999999999", 1),
        (4, 4 * NANO),
        (0.5, NANO // 2),
    ],
)
def test_value(text: object, nano: int) -> None:
    assert parse_quantity(text).nano == nano


@pytest.mark.parametrize(
    "text", ["", "x", "1 Gi", "1KI", "1e", "1gi", "--1", "1.2.3", "1_0", "9" * 99, None, True, []]
)
def test_what_is_none(text: object) -> None:
    with pytest.raises(QuantityError):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0.5Gi", "512Mi"),
        ("1024Mi", "1Gi"),
        ("1500Mi", "1500Mi"),
        ("100Ki", "100Ki"),
        ("512", "512"),
        ("0.5Ki", "512"),
        ("1000m", "1"),
        ("1.5", "1500m"),
        ("2000k", "2M"),
        ("12e6", "12e6"),
        ("0", "0"),
        ("-1024Ki", "-1Mi"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    assert str(parse_quantity(text)) == canonical


def test_rounding_up() -> None:
    assert (parse_quantity("1500m").units, parse_quantity("1u").milli) == (2, 1)
    assert str(Quantity.of(2**30, Format.BINARY_SI)) == "1Gi"
