"""What options of all our command lines may say."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click


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
