"""A command of many verbs, of which only the one that is wanted is imported."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class Verbs(click.Group):
    """In an order of their own, rather than the alphabet's."""

    def __init__(self, package: str, places: Mapping[str, str], **rest: Any) -> None:
        """`places`: by verb, MODULE:NAME of its command, where MODULE is below `package`."""
        super().__init__(**rest)
        self._package, self._places = package, places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """None when there is no such verb."""
        if cmd_name not in self._places:
            return None
        module, _, name = self._places[cmd_name].partition(":")
        command = getattr(import_module(f"{self._package}.{module}"), name)
        assert isinstance(command, click.Command)
        return command
