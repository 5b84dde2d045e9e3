"""Quantities of the API: `100m`, `1.5Gi`, `2e3`. Exact, as integers of a billionth.

What is finer than a billionth is rounded away from zero, and what is beyond 2^63-1 is that, as in
apimachinery's pkg/api/resource.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

NANO = 10**9
_LARGEST = (2**63 - 1) * NANO
_FURTHEST_EXPONENT = 64
"""Beyond it no mantissa of the allowed length is anything but the smallest or the largest."""
_LONGEST = 64
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_GRAMMAR = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d+))?", re.ASCII)


class QuantityError(ValueError):
    """Not a quantity; the text says which."""


class Format(Enum):
    """How a quantity was written, which is how it is written again."""

    DECIMAL_SI = "k"
    BINARY_SI = "Ki"
    DECIMAL_EXPONENT = "e"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of billionths. Equal values written in different formats are not equal: compare `nano`."""

    nano: int
    format: Format = Format.DECIMAL_SI

    @classmethod
    def of(cls, units: int, format: Format = Format.DECIMAL_SI) -> Quantity:
        """Whole units: bytes, CPUs, pods."""
        return cls(units * NANO, format)

    @property
    def units(self) -> int:
        """Whole units, rounded up."""
        return -(-self.nano // NANO)

    @property
    def milli(self) -> int:
        """Thousandths, rounded up."""
        return -(-self.nano // 10**6)

    def __str__(self) -> str:
        """Canonical: no fraction, the largest suffix that leaves none."""
        if self.format is Format.BINARY_SI and abs(self.nano) >= 1024 * NANO and self.nano % NANO == 0:
            return _emit_binary(self.nano // NANO)
        return _emit_decimal(self.nano, self.format)


def parse_quantity(text: object) -> Quantity:
    """Of JSON: a string, or a number. QuantityError."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise QuantityError(f"{text!r} is not a quantity such as 500m or 2Gi")
    match = _GRAMMAR.fullmatch(str(text)) if len(str(text)) <= _LONGEST else None
    if match is None:
        raise QuantityError(f"{str(text)[:_LONGEST]!r} is not a quantity such as 500m or 2Gi")
    sign, digits, suffix, exponent = match.groups()
    format = Format.DECIMAL_SI
    mantissa = Fraction(digits)
    if exponent is not None:
        format = Format.DECIMAL_EXPONENT
        power = max(-_FURTHEST_EXPONENT * 2, min(int(exponent), _FURTHEST_EXPONENT * 2))
        value = mantissa * Fraction(10) ** power
    elif suffix in _BINARY:
        format = Format.BINARY_SI
        value = mantissa * (1 << _BINARY[suffix])
    else:
        value = mantissa * Fraction(10) ** _DECIMAL[suffix or ""]
    scaled = value * NANO
    nano = min(-(-scaled.numerator // scaled.denominator), _LARGEST)
    return Quantity(-nano if sign == "-" else nano, format)


def _emit_binary(units: int) -> str:
    suffix = ""
    for name in _BINARY:
        if units % 1024 != 0:
            break
        units //= 1024
        suffix = name
    return f"{units}{suffix}"


def _emit_decimal(nano: int, format: Format) -> str:
    if nano == 0:
        return "0"
    power, value = -9, nano
    while value % 1000 == 0 and power < 18:
        value //= 1000
        power += 3
    if format is Format.DECIMAL_EXPONENT:
        return f"{value}e{power}" if power else str(value)
    suffix = next(name for name, exponent in _DECIMAL.items() if exponent == power)
    return f"{value}{suffix}"
