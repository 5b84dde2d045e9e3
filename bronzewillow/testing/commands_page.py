"""docs/commands.md: every command with its options, as `--help` has them. `make commands` writes the page."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click

PAGE = Path("docs/commands.md")
PROGRAMS = {
    "bronzewillow": "bronzewillow.cli:cli",
    "runm": "runtime.runm.cli:cli",
    "llm-kubelet": "kubelet.cli:cli",
    "llm-containerd": "runtime.cri.cli:command",
    "llm-static-pods": "kubelet.static.cli:command",
    "llm-snapshotter": "runtime.containerd.cli:command",
}
"""By name: the network, which this package belongs to, imports neither of the others."""
_HEAD = """# Commands

Made by `make commands` from what the programs' `--help` is made of; a test compares. `bronzewillow-cni` and
`containerd-shim-runm-v2` are left out, as runtimes start them. Where a page does not say otherwise, a
command exits with 0 when it did its work, 1 with one line that says why it did not, and 2 for wrong usage.
"""
_EVERYWHERE = {"--help", "--version"}


def commands() -> Iterator[tuple[click.Context, click.Command]]:
    """Each command that is no group, in the order of its program's help, with the words that lead to it."""
    for program, place in PROGRAMS.items():
        module, _, name = place.partition(":")
        yield from _below(click.Context(getattr(import_module(module), name), info_name=program))


def options(command: click.Command) -> list[click.Option]:
    """Those of `command` that it shows; `--help` and `--version` are everybody's."""
    return [
        one
        for one in command.params
        if isinstance(one, click.Option) and not one.hidden and not _EVERYWHERE.intersection(one.opts)
    ]


def render() -> str:
    """The page."""
    parts = [_HEAD]
    program = ""
    for context, command in commands():
        path = context.command_path
        if path.partition(" ")[0] != program:
            program = path.partition(" ")[0]
            parts.append(f"\n## {program}\n")
        if path != program:
            parts.append(f"\n### {path}\n")
        usage = " ".join((path, *command.collect_usage_pieces(context)))
        parts.append(f"\n```\n{usage}\n```\n\n{_paragraphs(command.help or '')}\n")
        if rows := "".join(map(_row, options(command))):
            parts.append("\n| option | default | what it does |\n|---|---|---|\n" + rows)
    return "".join(parts)


def _below(context: click.Context) -> Iterator[tuple[click.Context, click.Command]]:
    command = context.command
    if not isinstance(command, click.Group):
        yield context, command
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None and not found.hidden:
            yield from _below(click.Context(found, parent=context, info_name=name))


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def _row(option: click.Option) -> str:
    """Put together here, as click's own words for it differ from version to version."""
    names = ", ".join((*option.opts, *option.secondary_opts))
    taken = "" if option.is_flag else f" {option.metavar or _taken(option.type)}"
    default = option.show_default if isinstance(option.show_default, str) else ""
    if option.required:
        default = "required"
    elif option.show_default is True and not option.is_flag:
        default = f"`{option.default}`"
    cells = (f"`{names}{taken}`", default, " ".join((option.help or "").split()))
    return "".join(f"| {cell} " for cell in (one.replace("|", "\\|") for one in cells)) + "|\n"


def _taken(kind: click.ParamType[Any]) -> str:
    if isinstance(kind, click.Choice):
        return "|".join(map(str, kind.choices))
    return kind.name.split()[0].upper()


def main() -> None:
    """Write the page; run in the root of the tree."""
    PAGE.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
