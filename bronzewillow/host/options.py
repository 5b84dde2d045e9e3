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


class Duration(click.ParamType[str]):
    """As kubectl's options have it: `30s`, `1h30m`. Its value stays text, to be said to another program."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Click's."""
        try:
            duration_ns(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


def duration_ns(text: str) -> int:
    """Nanoseconds of one that is not negative, in the form of Go's time.ParseDuration. ValueError."""
    if text == "0":
        return 0
    if _DURATION.fullmatch(text) is None:
        raise ValueError(f"{text[:40]!r}: write a duration such as 30s, 5m or 1h30m")
    return sum(int(Decimal(number) * _UNITS_NS[unit]) for number, unit in _PART.findall(text))
