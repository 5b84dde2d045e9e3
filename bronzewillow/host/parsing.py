"""JSON and TOML that others wrote: what they mean, or ValueError in one line, whatever they are."""

from __future__ import annotations

import json
import math
import tomllib
from typing import Any, NoReturn

_TOO_DEEP = "it is nested too deeply"


def parse_json(raw: bytes | str) -> Any:
    """What it says, in texts that can be written out again and in numbers that are finite. ValueError."""
    try:
        text = raw if isinstance(raw, str) else raw.decode("utf-8-sig")
        value = json.loads(text, parse_float=_finite, parse_constant=_no_number)
        if "\\ud" in text or "\\uD" in text:  # half of a surrogate pair is no character
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    return value


def parse_toml(raw: bytes | str) -> dict[str, Any]:
    """tomllib.TOMLDecodeError, which names the place, where that is known; ValueError."""
    text = raw if isinstance(raw, str) else raw.decode("utf-8-sig")
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:
        raise ValueError("a number has too many digits") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits[:20]} is too large")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
