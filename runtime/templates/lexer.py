"""A Go template's text as tokens; read first: pkg.go.dev/text/template, "Text and spaces" and "Actions"."""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from runtime.templates.errors import TemplateError

LONGEST = 1 << 17
"""Characters of a template; those in use have at most ten thousand, and these are parsed in a second."""

_SPACE = " \t\r\n"
_TOKEN = re.compile(
    r"""
    (?P<close>(?:[ \t\r\n]+-)?\}\})
  | (?P<space>[ \t\r\n]+)
  | (?P<string>"(?:[^"\\\n]|\\.)*")
  | (?P<raw>`[^`]*`)
  | (?P<char>'(?:[^'\\\n]|\\.)+')
  | (?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+
        |[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?))
  | (?P<variable>\$\w*)
  | (?P<field>\.[^\W\d]\w*)
  | (?P<word>[^\W\d]\w*)
  | (?P<mark>:=|[=|(),.])
    """,
    re.VERBOSE,
)
_COMMENT = re.compile(r"[ \t\r\n]*/\*(?:(?!\*/).)*\*/(?P<close>[ \t\r\n]+-\}\}|[ \t\r\n]*\}\})", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:(?P<plain>[abfnrtv\\'\"])|x(?P<byte>[0-9a-fA-F]{2})|(?P<octal>[0-3][0-7]{2})"
    r"|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8}))"
)
_PLAIN = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))


class Kind(Enum):
    TEXT = auto()
    """What stands outside of actions, trimmed."""
    OPEN = auto()
    CLOSE = auto()
    LITERAL = auto()
    """A string, a number or a character; `value` has it."""
    VARIABLE = auto()
    """`$` or `$name`."""
    FIELD = auto()
    """`.Name`; the text is without the dot."""
    WORD = auto()
    MARK = auto()
    """One of `:= = | ( ) , .`"""
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One token; equal ones at different places differ."""

    kind: Kind
    text: str
    line: int
    spaced: bool = False
    """White space stands before it."""
    value: str | int | float = ""


def lex(text: str) -> Iterator[Token]:
    """The tokens of `text`, END as the last; TemplateError."""
    if len(text) > LONGEST:
        raise TemplateError(f"{len(text)} characters are too many; {LONGEST} are the most", 1)
    at, line, trim = 0, 1, False
    while (start := text.find("{{", at)) >= 0:
        chunk, inside = text[at:start], start + 2
        line_there = line + text.count("\n", at, start)
        trim_before = text[inside : inside + 1] == "-" and text[inside + 1 : inside + 2] in tuple(_SPACE)
        inside += trim_before
        yield from _text(chunk, line, trim, trim_before)
        line = line_there
        if comment := _COMMENT.match(text, inside):
            at, trim = comment.end(), "-" in comment["close"]
            line += text.count("\n", start, at)
            continue
        yield Token(Kind.OPEN, "{{", line)
        at = yield from _action(text, inside, line)
        line += text.count("\n", start, at)
        trim = text[at - 3] == "-"
    yield from _text(text[at:], line, trim, False)
    yield Token(Kind.END, "", line + text.count("\n", at))


def _text(chunk: str, line: int, trim_before: bool, trim_after: bool) -> Iterator[Token]:
    if trim_before:
        whole = len(chunk)
        stripped = chunk.lstrip(_SPACE)
        line += chunk.count("\n", 0, whole - len(stripped))
        chunk = stripped
    if trim_after:
        chunk = chunk.rstrip(_SPACE)
    if chunk:
        yield Token(Kind.TEXT, chunk, line)


def _action(text: str, at: int, line: int) -> Generator[Token, None, int]:
    """The tokens after `{{`; its value is the place after `}}`."""
    spaced = False
    while found := _TOKEN.match(text, at):
        at, lexeme = found.end(), found[0]
        kind = found.lastgroup
        match kind:
            case "close":
                yield Token(Kind.CLOSE, "}}", line)
                return at
            case "string" | "char" | "raw" | "number":
                yield Token(
                    Kind.LITERAL, lexeme, line, spaced, _literal(kind, lexeme, text[at : at + 1], line)
                )
            case "variable":
                yield Token(Kind.VARIABLE, lexeme, line, spaced)
            case "field":
                yield Token(Kind.FIELD, lexeme[1:], line, spaced)
            case "word":
                yield Token(Kind.WORD, lexeme, line, spaced)
            case "mark":
                yield Token(Kind.MARK, lexeme, line, spaced)
        spaced = kind == "space"
        line += lexeme.count("\n")
    rest = text[at : at + 1]
    if not rest:
        raise TemplateError("an action has no end; write }}", line)
    if rest in "\"`'":
        raise TemplateError(f"a text that begins with {rest} has no end", line)
    if text.startswith("/*", at):
        raise TemplateError("a comment fills its action alone and ends with */}}", line)
    raise TemplateError(f"unexpected {rest!r} in an action", line)


def _literal(kind: str, lexeme: str, following: str, line: int) -> str | int | float:
    if kind == "number":
        if following.isalnum() or following == "_":
            raise TemplateError(f"{lexeme + following!r} begins no number", line)
        return _number(lexeme, line)
    if kind == "raw":
        return lexeme[1:-1].replace("\r", "")  # Go spec, raw string literals: carriage returns are discarded
    value = _unquote(lexeme[1:-1], line)
    if kind == "string":
        return value
    if len(value) != 1:
        raise TemplateError(f"{lexeme[:20]} is not one character", line)
    return ord(value)


def _number(lexeme: str, line: int) -> int | float:
    digits = lexeme.lstrip("+-").lower()
    sign = -1 if lexeme.startswith("-") else 1
    try:
        if digits.startswith(("0x", "0o", "0b")):
            value: int | float = sign * int(digits, 0)
        elif "." in digits or "e" in digits:
            value = sign * float(digits)
        else:
            value = sign * int(digits, 8 if digits.startswith("0") else 10)
    except ValueError:
        raise TemplateError(f"{lexeme[:20]!r} is no number", line) from None
    if math.isinf(value) if isinstance(value, float) else not -(2**63) <= value < 2**63:
        raise TemplateError(f"{lexeme[:20]!r} is too large", line)
    return value


def _unquote(text: str, line: int) -> str:
    """Escapes of bytes make UTF-8 together, hence the way over bytes."""
    parts: list[bytes] = []
    at = 0
    while (start := text.find("\\", at)) >= 0:
        parts.append(text[at:start].encode(errors="replace"))
        found = _ESCAPE.match(text, start)
        if found is None:
            raise TemplateError(f"unknown escape {text[start : start + 2]} in a text", line)
        if found["plain"]:
            parts.append(_PLAIN[found["plain"]].encode())
        elif found["byte"]:
            parts.append(bytes([int(found["byte"], 16)]))
        elif found["octal"]:
            parts.append(bytes([int(found["octal"], 8)]))
        else:
            code = int(found["short"] or found["long"], 16)
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                raise TemplateError(f"{found[0]} is no character", line)
            parts.append(chr(code).encode())
        at = found.end()
    parts.append(text[at:].encode(errors="replace"))
    return b"".join(parts).decode(errors="replace")
