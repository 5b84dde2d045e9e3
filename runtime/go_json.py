"""JSON as Go's encoding/json writes it.

A blob that says the same as one of Ollama's then has the same digest, and a prompt has the bytes that the
model was tuned with. Differences from Python's: no spaces, `<`, `>` and `&` are escaped, a whole float has no
`.0`, and exponents begin at 1e21 and below 1e-6.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any

_DEEPEST = 100
# What Go escapes beside JSON's own.
_ESCAPES = {ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"}


def emit_go_json(value: Any, *, sort_keys: bool = False) -> str:
    """`value` on one line; `sort_keys` as for a Go map, without it as for a struct.

    ValueError for what has no JSON: NaN, the infinities, other types, more than 100 levels.
    """
    return "".join(_pieces(value, sort_keys, 0))


def _pieces(value: Any, sort_keys: bool, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        raise ValueError(f"more than {_DEEPEST} levels have no JSON here")
    if value is None or isinstance(value, bool):
        yield {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, str):
        yield json.dumps(value, ensure_ascii=False).translate(_ESCAPES)
    elif isinstance(value, int):
        yield _integer(value)
    elif isinstance(value, float):
        yield _number(value)
    elif isinstance(value, Mapping):
        members = [(str(key), item) for key, item in value.items()]
        if sort_keys:
            members.sort(key=itemgetter(0))
        yield "{"
        for index, (name, item) in enumerate(members):
            yield "," if index else ""
            yield from _pieces(name, sort_keys, depth + 1)
            yield ":"
            yield from _pieces(item, sort_keys, depth + 1)
        yield "}"
    elif isinstance(value, Sequence):
        yield "["
        for index, item in enumerate(value):
            yield "," if index else ""
            yield from _pieces(item, sort_keys, depth + 1)
        yield "]"
    else:
        raise ValueError(f"a {type(value).__name__} has no JSON")


def _integer(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # Python's bound on digits
        raise ValueError("an integer too long for JSON") from None


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value} has no JSON")
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(repr(value)), "f")
        return text.removesuffix(".0")
    mantissa, _, exponent = format(Decimal(repr(value)).normalize(), "e").partition("e")
    return f"{mantissa}e{int(exponent):+d}"
