"""On which line of a TOML text a key stands. tomllib reads values and forgets places.

The text is known to be good TOML by then, so a scanner of its few lexical forms is enough: comments, four
kinds of strings, brackets, and keys before `=`.
"""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r"(?P<comment>#[^\n]*)"
    r'|(?P<string>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\')'
    r"|(?P<newline>\n)"
    r"|(?P<space>[ \t\r]+)"
    r"|(?P<mark>[\[\]{}=,.])"
    r"|(?P<word>[^\s\[\]{}=,.#\"']+)",
    re.DOTALL,
)


class KeyLines:
    """The lines of all keys and tables of one text, counted from 1."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {(): 1}
        self._arrays: dict[Path, int] = {}
        self._tokens: list[tuple[str, str, int]] = []
        line = 1
        for found in _TOKEN.finditer(text):
            self._tokens.append((found.lastgroup or "", found.group(), line))
            line += found.group().count("\n")
        self._at = 0
        self._read_document()

    def line(self, path: Path) -> int:
        """The line of `path`, or of the nearest table around it that stands in the text."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    # ---- a reader of each form; every one leaves `_at` behind what it read

    def _read_document(self) -> None:
        table: Path = ()
        while (kind := self._peek()[0]) != "":
            if kind == "newline":
                self._at += 1
            elif self._peek()[1] == "[":
                table = self._read_header()
            else:
                self._read_pair(table)

    def _read_header(self) -> Path:
        line = self._peek()[2]
        self._at += 1
        is_array = self._peek()[1] == "["
        if is_array:
            self._at += 1
        path = self._resolve(self._read_key())
        if is_array:
            number = self._arrays.get(path, -1) + 1
            self._arrays[path] = number
            self._lines.setdefault(path, line)
            path = (*path, number)
        self._lines[path] = line
        self._skip_line()
        return path

    def _read_pair(self, table: Path) -> None:
        line = self._peek()[2]
        path = table
        for name in self._read_key():
            path = (*path, name)
            self._lines.setdefault(path, line)
        self._lines[path] = line
        self._at += 1  # the "="
        self._read_value(path)

    def _read_key(self) -> list[str]:
        names = []
        while True:
            kind, text, _ = self._peek()
            names.append(_unquoted(text) if kind == "string" else text)
            self._at += 1
            if self._peek()[1] != ".":
                return names
            self._at += 1

    def _read_value(self, path: Path) -> None:
        text = self._peek()[1]
        if text == "[":
            self._read_array(path)
        elif text == "{":
            self._read_inline_table(path)
        else:
            while (
                self._peek()[0] in ("word", "string") or self._peek()[1] == "."
            ):  # 1.5 is two words and a dot
                self._at += 1

    def _read_array(self, path: Path) -> None:
        self._at += 1
        number = 0
        while (token := self._peek())[1] != "]" and token[0]:
            if token[0] == "newline" or token[1] == ",":
                self._at += 1
                continue
            self._lines[(*path, number)] = token[2]
            self._read_value((*path, number))
            number += 1
        self._at += 1

    def _read_inline_table(self, path: Path) -> None:
        self._at += 1
        while (token := self._peek())[1] != "}" and token[0]:
            if token[0] == "newline" or token[1] == ",":
                self._at += 1
            else:
                self._read_pair(path)
        self._at += 1

    def _resolve(self, names: list[str]) -> Path:
        """[a.b] inside the newest [[a]] is a[n].b."""
        path: Path = ()
        for position, name in enumerate(names):
            path = (*path, name)
            if position < len(names) - 1 and path in self._arrays:
                path = (*path, self._arrays[path])
        return path

    def _skip_line(self) -> None:
        while self._peek()[0] not in ("newline", ""):
            self._at += 1

    def _peek(self) -> tuple[str, str, int]:
        while self._at < len(self._tokens) and self._tokens[self._at][0] in ("space", "comment"):
            self._at += 1
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "", 0)


def _unquoted(text: str) -> str:
    return text[1:-1]  # an escape in a key would only cost us its line
