"""From tokens to the tree; read first: pkg.go.dev/text/template, "Actions" and "Pipelines".

As in Go, an unknown function or variable is found here and not when it is met.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runtime.templates.errors import TemplateError
from runtime.templates.functions import NAMES
from runtime.templates.lexer import Kind, Token, lex
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

_DEEPEST = 60  # of blocks and parentheses within one another; each takes up to five of Python's frames
_CONSTANTS = {"true": True, "false": False, "nil": None}
_BRANCHES: dict[str, type[If] | type[With] | type[Range]] = {"if": If, "with": With, "range": Range}
_ENDS = ("else", "end")


def parse_template(text: str) -> Template:
    """The tree of `text`; TemplateError."""
    return _Parser(text).template()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(lex(text))
        self._at = 0
        self._depth = 0
        self._ranges = 0
        self._variables = ["$"]
        self._definitions: dict[str, tuple[Node, ...]] = {}

    def template(self) -> Template:
        body: list[Node] = []
        while True:
            body += self._nodes(top=True)
            if self._peek().kind is Kind.END:
                return Template(tuple(body), self._definitions)
            self._next()
            raise self._error(f"unexpected {{{{ {self._peek().text} }}}}")

    # Blocks

    def _nodes(self, *, top: bool = False) -> tuple[Node, ...]:
        """Up to the end of the text, or to `{{ else` or `{{ end`, of which `{{` is not yet taken."""
        nodes: list[Node] = []
        while (token := self._peek()).kind is not Kind.END:
            if token.kind is Kind.TEXT:
                self._next()
                nodes.append(Text(token.text))
                continue
            word = self._tokens[self._at + 1]
            if word.kind is Kind.WORD and word.text in _ENDS:
                break
            self._next()
            if word.kind is Kind.WORD and word.text == "define":
                self._define(top)
            else:
                nodes.append(self._action())
        return tuple(nodes)

    def _action(self) -> Node:
        token = self._peek()
        word = token.text if token.kind is Kind.WORD else ""
        if word in _BRANCHES:
            self._next()
            return self._branch(word)
        match word:
            case "template":
                self._next()
                name = self._name(word)
                pipe = None if self._peek().kind is Kind.CLOSE else self._pipe()
                self._close()
                return Include(name, pipe, token.line)
            case "block":
                self._next()
                name = self._name(word)
                pipe = self._pipe()
                self._close()
                self._add_definition(name, self._definition_body(), token)
                return Include(name, pipe, token.line)
            case "break" | "continue":
                self._next()
                if not self._ranges:
                    raise self._error(f"{word} outside of a range", token)
                self._close()
                return Break() if word == "break" else Continue()
        pipe = self._pipe()
        self._close()
        return Action(pipe)

    def _branch(self, word: str) -> Node:
        with self._deeper(), self._scope():
            pipe = self._pipe(most_variables=2 if word == "range" else 1)
            self._close()
            self._ranges += word == "range"
            with self._scope():
                body = self._nodes()
            self._ranges -= word == "range"
            self._open("end")
            otherwise: tuple[Node, ...] = ()
            if self._next().text == "else":
                further = self._peek()
                if further.kind is Kind.WORD and further.text == word != "range":
                    self._next()
                    return _BRANCHES[word](pipe, body, (self._branch(word),))
                self._close()
                with self._scope():
                    otherwise = self._nodes()
                self._open("end")
                if self._next().text != "end":
                    raise self._error("a second else", self._tokens[self._at - 1])
            self._close()
        return _BRANCHES[word](pipe, body, otherwise)

    def _define(self, top: bool) -> None:
        token = self._next()
        if not top:
            raise self._error("define within a block; it stands at the top", token)
        name = self._name("define")
        self._close()
        self._add_definition(name, self._definition_body(), token)

    def _definition_body(self) -> tuple[Node, ...]:
        """A body of its own: it sees no variable and no range of what is around it."""
        variables, self._variables = self._variables, ["$"]
        ranges, self._ranges = self._ranges, 0
        with self._deeper():
            body = self._nodes()
            self._open("end")
            if (token := self._next()).text != "end":
                raise self._error("unexpected else", token)
            self._close()
        self._variables, self._ranges = variables, ranges
        return body

    def _add_definition(self, name: str, body: tuple[Node, ...], token: Token) -> None:
        if name in self._definitions:
            raise self._error(f"{name[:40]!r} is defined twice", token)
        self._definitions[name] = body

    # Pipelines

    def _pipe(self, *, most_variables: int = 1) -> Pipe:
        """Up to `}}` or `)`, which are not taken."""
        variables, declares = self._assigned(most_variables)
        commands = [self._command(first=True)]
        while self._is_mark("|"):
            self._next()
            commands.append(self._command(first=False))
        if declares:
            self._variables += variables
        return Pipe(tuple(commands), variables, declares)

    def _assigned(self, most: int) -> tuple[tuple[str, ...], bool]:
        names: list[str] = []
        at = self._at
        while self._peek().kind is Kind.VARIABLE:
            names.append(self._next().text)
            if not self._is_mark(","):
                break
            self._next()
        token = self._peek()
        if not names or token.kind is not Kind.MARK or token.text not in (":=", "="):
            self._at = at
            return (), False
        if len(names) > most:
            raise self._error(f"{len(names)} variables where {most} can be set", token)
        self._next()
        if token.text == "=":
            for name in names:
                self._check_variable(name, token)
        return tuple(names), token.text == ":="

    def _command(self, *, first: bool) -> Command:
        token = self._peek()
        operands = [self._operand()]
        while self._peek().kind not in (Kind.CLOSE, Kind.END) and not self._is_mark("|", ")"):
            if not self._peek().spaced:
                raise self._error(f"unexpected {self._peek().text[:40]!r}; a space may be missing")
            operands.append(self._operand())
        if not isinstance(operands[0], Call):
            if not first:
                raise self._error("after | stands a function", token)
            if len(operands) > 1:
                raise self._error(f"{token.text[:40]!r} is no function and takes no arguments", token)
        return Command(tuple(operands), token.line)

    def _operand(self) -> Operand:
        token = self._next()
        match token.kind:
            case Kind.LITERAL:
                operand: Operand = Literal(token.value)
            case Kind.FIELD:
                return Field((token.text, *self._chained()))
            case Kind.VARIABLE:
                self._check_variable(token.text, token)
                return Variable(token.text, self._chained())
            case Kind.WORD if token.text in _CONSTANTS:
                operand = Literal(_CONSTANTS[token.text])
            case Kind.WORD if token.text in NAMES:
                operand = Call(token.text)
            case Kind.WORD:
                raise self._error(f"no function {token.text[:40]!r}", token)
            case Kind.MARK if token.text == "(":
                with self._deeper():
                    pipe = self._pipe(most_variables=0)
                    if not self._is_mark(")"):
                        raise self._error(f"expected ), got {self._shown(self._peek())}")
                    self._next()
                return Chain(pipe, self._chained())
            case Kind.MARK if token.text == ".":
                operand = Dot()
            case _:
                raise self._error(f"expected a value, got {self._shown(token)}", token)
        if self._chained():
            raise self._error(f"{token.text[:40]!r} has no fields", token)
        return operand

    def _chained(self) -> tuple[str, ...]:
        """The fields that follow with no space between."""
        names: list[str] = []
        while (token := self._peek()).kind is Kind.FIELD and not token.spaced:
            names.append(self._next().text)
        return tuple(names)

    # Tokens

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at += token.kind is not Kind.END
        return token

    def _is_mark(self, *marks: str) -> bool:
        token = self._peek()
        return token.kind is Kind.MARK and token.text in marks

    def _open(self, wanted: str) -> None:
        """`{{` before `else` or `end`, where only the text's end could stand instead."""
        if self._next().kind is Kind.END:
            raise self._error(f"the text ends before {{{{ {wanted} }}}}")

    def _close(self) -> None:
        if (token := self._next()).kind is not Kind.CLOSE:
            raise self._error(f"expected }}}}, got {self._shown(token)}", token)

    def _name(self, word: str) -> str:
        token = self._next()
        if token.kind is not Kind.LITERAL or not isinstance(token.value, str):
            raise self._error(f"{word} takes a name in quotes", token)
        return token.value

    def _check_variable(self, name: str, token: Token) -> None:
        if name not in self._variables:
            raise self._error(f"no variable {name[:40]}", token)

    @contextmanager
    def _scope(self) -> Iterator[None]:
        count = len(self._variables)
        yield
        del self._variables[count:]

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(f"more than {_DEEPEST} blocks or parentheses within one another")
        yield
        self._depth -= 1

    def _shown(self, token: Token) -> str:
        return "the end of the text" if token.kind is Kind.END else repr(token.text[:40])

    def _error(self, reason: str, token: Token | None = None) -> TemplateError:
        return TemplateError(reason, (token or self._peek()).line)
