"""The tree of a template; the names of text/template/parse where they are not too far from ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`: the value that the template is at."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number, `true`, `false`, or `nil`."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Field:
    """`.A.B`, of the dot."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name.A.B`; the name has its `$`, and is `$` alone for the data the template began with."""

    name: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """`(pipeline).A.B`, or the parentheses alone."""

    pipe: Pipe
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A function, by its name."""

    name: str


Operand = Dot | Literal | Field | Variable | Chain | Call


@dataclass(frozen=True, slots=True)
class Command:
    """A function and its arguments, or one value."""

    operands: tuple[Operand, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Pipe:
    """`a | b`: each command's value is the last argument of the next one."""

    commands: tuple[Command, ...]
    variables: tuple[str, ...] = ()
    """What takes the value; of two, as `range` has, the first takes the key."""
    declares: bool = False
    """`:=` and not `=`."""


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """`{{ pipeline }}`"""

    pipe: Pipe


@dataclass(frozen=True, slots=True)
class If:
    pipe: Pipe
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class With:
    pipe: Pipe
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Range:
    pipe: Pipe
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Include:
    """`{{ template "name" pipeline }}`"""

    name: str
    pipe: Pipe | None
    line: int


@dataclass(frozen=True, slots=True)
class Break:
    """Ends the innermost range."""


@dataclass(frozen=True, slots=True)
class Continue:
    """Goes on to the innermost range's next item."""


Node = Text | Action | If | With | Range | Include | Break | Continue


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template, and those that it defines."""

    body: tuple[Node, ...]
    definitions: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)


def field_names(template: Template) -> frozenset[str]:
    """Every field that is named anywhere, such as `Messages`: what the template can show."""
    bodies = (template.body, *template.definitions.values())
    return frozenset(name for body in bodies for name in _names_in_nodes(body))


def pipe_names(pipe: Pipe) -> Iterator[str]:
    """Every field that is named in `pipe`."""
    for command in pipe.commands:
        for operand in command.operands:
            match operand:
                case Field(names) | Variable(_, names):
                    yield from names
                case Chain(inner, names):
                    yield from pipe_names(inner)
                    yield from names
                case _:
                    pass


def _names_in_nodes(nodes: tuple[Node, ...]) -> Iterator[str]:
    for node in nodes:
        match node:
            case Action(pipe):
                yield from pipe_names(pipe)
            case If(pipe, body, otherwise) | With(pipe, body, otherwise) | Range(pipe, body, otherwise):
                yield from pipe_names(pipe)
                yield from _names_in_nodes(body)
                yield from _names_in_nodes(otherwise)
            case Include(_, pipe_or_none, _):
                yield from pipe_names(pipe_or_none) if pipe_or_none else ()
            case _:
                pass
