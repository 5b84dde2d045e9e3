"""What options of all our command lines may say."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

_UNITS_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h)", re.ASCII)
_DURATION = re.compile(f"(?:{_PART.pattern}){{1,7}}", re.ASCII)


class FilePath(click.Path):
    """A path. Not an empty one, as a variable that is not set gives it: that would be the current folder."""

    def __init__(self, **more: Any) -> None:
        super().__init__(path_type=Path, **more)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Click's."""
        if value == "":
            self.fail("is empty; name a file or a folder", param, ctx)
        return super().convert(value, param, ctx)


class Seconds(click.FloatRange):
    """A number of them, in a range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Click's; it has `nan` in every range."""
        found = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return found


def check_duration(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """As a callback: a duration stays text, to be said to another program. click.BadParameter."""
    try:
        duration_ns("0" if value is None else value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return value


def duration_ns(text: str) -> int:
    """Nanoseconds of a duration as Go's time.ParseDuration reads it, not negative. ValueError."""
    if text == "0":
        return 0
    if _DURATION.fullmatch(text) is None:
        raise ValueError(f"{text[:40]!r}: write a duration such as 30s, 5m or 1h30m")
    return sum(int(Decimal(number) * _UNITS_NS[unit]) for number, unit in _PART.findall(text))
