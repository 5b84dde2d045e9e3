"""containerd's filter language: `kind==active,labels."a.b/c"~="^x",parent!=""`.

A filter is a list of selectors that all must hold; of several filters one must. A selector is a field path
alone (the field is there), or a path, one of `==`, `!=`, `~=` (a regular expression), and a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Protocol

from runtime.snapshots.errors import InvalidArgument

_TOKEN = re.compile(r'(?P<name>[A-Za-z0-9_\-+:/@]+)|(?P<string>"(?:[^"\\]|\\.)*")|(?P<mark>==|!=|~=|[.,])')
_BARE_VALUE = re.compile(r"[^\s,\"]+")
_LONGEST = 4096


class Filterable(Protocol):
    """What a filter looks at."""

    def field(self, path: tuple[str, ...]) -> tuple[str, bool]:
        """The value at `path`, and whether it is there."""


Filter = Callable[[Filterable], bool]


def parse_filters(texts: Sequence[str]) -> Filter:
    """True where one of `texts` holds; everything, when there is none. InvalidArgument."""
    filters = [_Parser(text).filter() for text in texts]
    if not filters:
        return lambda info: True
    return lambda info: any(one(info) for one in filters)


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise InvalidArgument(f"a filter of {len(text)} characters; {_LONGEST} are the most")
        self._text = text
        self._at = 0

    def filter(self) -> Filter:
        selectors: list[Filter] = []
        while self._at < len(self._text):
            if selectors:
                self._expect(",")
            selectors.append(self._selector())
        return lambda info: all(selector(info) for selector in selectors)

    def _selector(self) -> Filter:
        path = [self._name()]
        while self._peek() == ".":
            self._at += 1
            path.append(self._name())
        where = tuple(path)
        operator = self._text[self._at : self._at + 2]
        if operator not in ("==", "!=", "~="):
            return lambda info: info.field(where)[1]
        self._at += 2
        value = self._value()
        if operator == "==":
            return lambda info: info.field(where)[0] == value
        if operator == "!=":
            return lambda info: info.field(where)[0] != value
        try:
            pattern = re.compile(value)
        except (re.error, RecursionError, OverflowError):
            raise self._error(f"{value!r} is no regular expression") from None
        return lambda info: pattern.search(info.field(where)[0]) is not None

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _expect(self, mark: str) -> None:
        if self._peek() != mark:
            raise self._error(f"expected {mark!r}")
        self._at += 1

    def _name(self) -> str:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found["mark"]:
            raise self._error("expected a field's name")
        self._at = found.end()
        return found["name"] or self._unquote(found["string"])

    def _value(self) -> str:
        if self._peek() == '"':
            found = _TOKEN.match(self._text, self._at)
            if found is None:
                raise self._error("a string without its end")
            self._at = found.end()
            return self._unquote(found["string"])
        bare = _BARE_VALUE.match(self._text, self._at)
        if bare is None:
            raise self._error("expected a value")
        self._at = bare.end()
        return bare[0]

    def _unquote(self, text: str) -> str:
        try:
            value = json.loads(text, strict=False)
        except ValueError:
            raise self._error(f"{text} has an escape that is not known") from None
        return str(value)

    def _error(self, reason: str) -> InvalidArgument:
        return InvalidArgument(f"filter {self._text!r}, character {self._at + 1}: {reason}")
