"""Runs a template; read first: pkg.go.dev/text/template, "Actions" and "Variables".

A template comes from whoever made the image. It cannot do anything but print, and what it prints and how
long it takes is bounded, so that the worst that it can do is to fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from runtime.templates.errors import Refused, TemplateError
from runtime.templates.functions import Functions
from runtime.templates.syntax import (
    Action,
    Break,
    Call,
    Chain,
    Command,
    Continue,
    Dot,
    Field,
    If,
    Include,
    Literal,
    Node,
    Operand,
    Pipe,
    Range,
    Template,
    Text,
    Variable,
    With,
)
from runtime.templates.values import Value, emit_value, field_of, is_true, items_of

_DEEPEST = 100  # blocks, parentheses and templates within one another as they run


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a template is stopped."""

    output_bytes: int = 16 << 20
    """What it prints; a longer prompt fits no model."""
    steps: int = 500_000
    """Nodes, functions and items, and their share for long texts; a second's work or two at the worst."""


DEFAULT_BOUNDS = Bounds()


class Meter:
    """What has been used of the bounds, by one run or by several that make one prompt."""

    def __init__(self, bounds: Bounds = DEFAULT_BOUNDS) -> None:
        self.bounds = bounds
        self._output_bytes = 0
        self._steps = 0

    def step(self, count: int = 1) -> None:
        self._steps += count
        if self._steps > self.bounds.steps:
            raise Refused(f"the template takes more than {self.bounds.steps} steps")

    def print(self, text: str) -> None:
        self._output_bytes += len(text.encode(errors="replace"))
        if self._output_bytes > self.bounds.output_bytes:
            raise Refused(f"the prompt has more than {self.bounds.output_bytes} bytes")


def execute(template: Template, data: Value, functions: Functions, meter: Meter) -> str:
    """What `template` prints for `data`, its dot; TemplateError."""
    return _Run(template, data, functions, meter).text()


class _Flow(Enum):
    ON = auto()
    BREAK = auto()
    CONTINUE = auto()


class _Run:
    def __init__(self, template: Template, data: Value, functions: Functions, meter: Meter) -> None:
        self._template = template
        self._data = data
        self._functions = functions
        self._meter = meter
        self._step = meter.step
        self._parts: list[str] = []
        self._depth = 0
        self._line = 1  # of what was met last
        self._variables: list[tuple[str, Value]] = [("$", data)]

    def text(self) -> str:
        try:
            self._nodes(self._template.body, self._data)
        except Refused as err:
            raise TemplateError(str(err), self._line) from None
        except RecursionError:
            raise TemplateError("blocks, values or templates are too deep", self._line) from None
        return "".join(self._parts)

    # Nodes

    def _nodes(self, nodes: tuple[Node, ...], dot: Value) -> _Flow:
        flow = _Flow.ON
        self._enter()
        for node in nodes:
            self._step()
            flow = self._node(node, dot)
            if flow is not _Flow.ON:
                break
        self._depth -= 1
        return flow

    def _node(self, node: Node, dot: Value) -> _Flow:
        known = len(self._variables)
        match node:
            case Text(text):
                self._print(text)
            case Action(pipe):
                value = self._pipe(pipe, dot)
                if not pipe.variables:
                    text = emit_value(value)
                    self._step(0 if isinstance(value, str) else len(text) // 4)
                    self._print(text)
            case If(pipe, body, otherwise):
                return self._scoped(body if is_true(self._pipe(pipe, dot)) else otherwise, dot, known)
            case With(pipe, body, otherwise):
                value = self._pipe(pipe, dot)
                chosen = (body, value) if is_true(value) else (otherwise, dot)
                return self._scoped(*chosen, known)
            case Range():
                return self._range(node, dot)
            case Include(name, pipe_or_none, line):
                self._include(name, None if pipe_or_none is None else self._pipe(pipe_or_none, dot), line)
            case Break():
                return _Flow.BREAK
            case Continue():
                return _Flow.CONTINUE
        return _Flow.ON

    def _scoped(self, nodes: tuple[Node, ...], dot: Value, known: int) -> _Flow:
        """A block; of the variables remain those that were `known` before it and its pipeline."""
        flow = self._nodes(nodes, dot)
        del self._variables[known:]
        return flow

    def _range(self, node: Range, dot: Value) -> _Flow:
        pipe, known = node.pipe, len(self._variables)
        found = self._pipe(pipe, dot, assign=False)
        items: Iterable[tuple[Value, Value]]
        if isinstance(found, int) and not isinstance(found, bool):
            items, count = ((number, number) for number in range(found)), found
        else:
            items = items_of(found)
            count = len(items)
        if count <= 0:
            return self._scoped(node.otherwise, dot, known)
        for key, item in items:
            self._step()
            values = (key, item) if len(pipe.variables) == 2 else (item,)
            for name, value in zip(pipe.variables, values, strict=False):
                self._set(name, value, declares=pipe.declares)
            if self._scoped(node.body, item, known) is _Flow.BREAK:
                break
        return _Flow.ON

    def _include(self, name: str, dot: Value, line: int) -> None:
        body = self._template.definitions.get(name)
        if body is None:
            raise TemplateError(f"no template {name[:40]!r} is defined", line)
        variables, self._variables = self._variables, [("$", dot)]
        self._nodes(body, dot)
        self._variables = variables

    # Values

    def _pipe(self, pipe: Pipe, dot: Value, *, assign: bool = True) -> Value:
        value: Value = None
        self._enter()
        for index, command in enumerate(pipe.commands):
            value = self._command(command, dot, (value,) if index else ())
        self._depth -= 1
        if assign:
            for name in pipe.variables:
                self._set(name, value, declares=pipe.declares)
        return value

    def _command(self, command: Command, dot: Value, last: tuple[Value, ...]) -> Value:
        self._line = command.line
        self._step()
        first = command.operands[0]
        if not isinstance(first, Call):
            return self._operand(first, dot)
        if first.name in ("and", "or"):
            return self._short_circuit(first.name, command, dot, last)
        values = [self._operand(operand, dot) for operand in command.operands[1:]]
        self._line = command.line
        return self._call(first.name, (*values, *last))

    def _short_circuit(self, name: str, command: Command, dot: Value, last: tuple[Value, ...]) -> Value:
        """As in Go, what comes after the value that decides is not looked at."""
        value: Value = None
        for operand in command.operands[1:]:
            value = self._operand(operand, dot)
            if is_true(value) == (name == "or"):
                return value
        return self._call(name, last or (value,) if len(command.operands) > 1 else last)

    def _call(self, name: str, values: tuple[Value, ...]) -> Value:
        characters = sum(len(value) for value in values if isinstance(value, str))
        items = sum(
            len(value) for value in values if isinstance(value, Sequence) and not isinstance(value, str)
        )
        if characters > self._meter.bounds.output_bytes:
            raise Refused(f"{name} gets more than {self._meter.bounds.output_bytes} characters")
        self._step(1 + characters // 64 + items // 256)
        made = self._functions.call(name, values)
        if isinstance(made, str):
            self._step(len(made) // (64 if characters else 4))  # a text out of other things takes longer
        return made

    def _operand(self, operand: Operand, dot: Value) -> Value:
        match operand:
            case Dot():
                return dot
            case Literal(value):
                return value
            case Field(names):
                return self._fields(dot, names)
            case Variable(name, names):
                return self._fields(self._get(name), names)
            case Chain(pipe, names):
                return self._fields(self._pipe(pipe, dot), names)
            case Call(name):
                return self._call(name, ())

    def _fields(self, value: Value, names: tuple[str, ...]) -> Value:
        for name in names:
            value = field_of(value, name)
        return value

    def _get(self, name: str) -> Value:
        return next(value for known, value in reversed(self._variables) if known == name)

    def _set(self, name: str, value: Value, *, declares: bool) -> None:
        if declares:
            self._variables.append((name, value))
            return
        for index in range(len(self._variables) - 1, -1, -1):
            if self._variables[index][0] == name:
                self._variables[index] = (name, value)
                return

    # Bounds

    def _print(self, text: str) -> None:
        self._meter.print(text)
        self._parts.append(text)

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Refused(f"more than {_DEEPEST} blocks or templates within one another")
