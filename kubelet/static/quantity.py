"""Kubernetes' quantities, such as `512Mi` (apimachinery, pkg/api/resource)."""

from __future__ import annotations

import math
import re
from decimal import Decimal

_QUANTITY = re.compile(
    r"([0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(m|k|[MGTPE]i?|Ki|[eE][+-]?[0-9]{1,2})?"
)
_POWERS = "KMGTPE"


def parse_quantity(text: str) -> int:
    """Rounded up to a whole number. ValueError."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no quantity, such as 512Mi or 2G")
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix == "m":
        number /= 1000
    elif suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei":
        number *= Decimal(10) ** int(suffix[1:])
    elif suffix:
        base = 1024 if suffix.endswith("i") else 1000
        number *= base ** (_POWERS.index(suffix[0].upper()) + 1)
    return math.ceil(number)
