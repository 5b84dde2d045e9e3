"""The Modelfile: what an image is built from, one instruction a line.

An instruction's value is bare to the end of its line, or stands in `"` or in `\"""` and may then have several
lines; it ends at the first line that ends with the same mark, so that marks inside a line need no escape.
Instructions are read in any case, `#` begins a comment where an instruction could begin.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from runtime.images.errors import InvalidModelfile, InvalidParameters
from runtime.images.parameters import (
    DEPRECATED,
    NO_PARAMETERS,
    Parameters,
    Value,
    add_parameter,
    deprecation,
    parameter_texts,
    parse_parameter_text,
)

ROLES = ("system", "user", "assistant")
_BLANK = " \t"
_WORD = re.compile(r"([^ \t]+)[ \t]*(.*)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_VERSION = re.compile(r"v?(\d{1,9}(\.\d{1,9}){0,2}([-+][0-9A-Za-z.+-]{1,99})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation that every chat begins with."""

    role: str
    """One of ROLES."""
    content: str


@dataclass(frozen=True, slots=True)
class Modelfile:
    """What a Modelfile says; paths and names as they stand there."""

    from_: tuple[str, ...]
    """The model first: a file, a folder or an image's name. What follows are further files: a projector."""
    parameters: Parameters = NO_PARAMETERS
    template: str | None = None
    """A Go template; None leaves the base image's or the GGUF's own."""
    system: str | None = None
    adapters: tuple[str, ...] = ()
    """LoRA files, in the order they are applied."""
    drafts: tuple[str, ...] = ()
    """Files of a draft model, for speculative decoding."""
    licenses: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    renderer: str = ""
    """A prompt format that is built into Ollama, by name."""
    parser: str = ""
    """An answer format that is built into Ollama, by name."""
    requires: str = ""
    """The least version of Ollama, without a leading `v`."""
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """One line for each thing that was passed over."""


def parse_modelfile(text: str, name: str = "Modelfile") -> Modelfile:
    """The values in `text`; InvalidModelfile has every mistake, each with `name` and its line."""
    return _Reader(text, name).modelfile()


def emit_modelfile(modelfile: Modelfile) -> str:
    """A text that parses to `modelfile`; InvalidModelfile for a value that no Modelfile can hold."""
    return "".join(f"{instruction} {value}\n" for instruction, value in _instructions(modelfile))


class _Unterminated(Exception):
    pass


class _Lines:
    """The text's lines, taken from the front."""

    def __init__(self, text: str) -> None:
        self.lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self.at = 0
        # Where each mark ends a line for the last time: a text without its end is known at once.
        self._last = {'"': -1, '"""': -1}
        for index, line in enumerate(self.lines):
            for mark in self._last:
                if line.rstrip(_BLANK).endswith(mark):
                    self._last[mark] = index

    def value(self, text: str) -> str:
        """The value that begins with `text` on the line before `at`; takes the further lines that are its."""
        mark = '"""' if text.startswith('"""') else '"' if text.startswith('"') else ""
        first = text.rstrip(_BLANK)
        if not mark:
            return first
        if first.endswith(mark) and len(first) >= 2 * len(mark):
            return first[len(mark) : -len(mark)]
        if self._last[mark] < self.at:
            raise _Unterminated(mark)
        parts = [text[len(mark) :]]
        while not (line := self.lines[self.at].rstrip(_BLANK)).endswith(mark):
            parts.append(self.lines[self.at])
            self.at += 1
        self.at += 1
        return "\n".join((*parts, line[: -len(mark)]))


class _Reader:
    def __init__(self, text: str, name: str) -> None:
        self._lines = _Lines(text)
        self._name = name
        self._line = 0  # of the instruction that is read, from 1
        self._problems: list[tuple[int, str]] = []  # with their lines
        self._names_model = False
        self._warnings: list[str] = []
        self._parameters: dict[str, Value] = {}
        self._messages: list[Message] = []
        self._single: dict[str, tuple[str, int]] = {}
        self._several: dict[str, list[str]] = {"FROM": [], "ADAPTER": [], "DRAFT": [], "LICENSE": []}
        self._readers: dict[str, Callable[[str, str], None]] = {
            "FROM": self._add,
            "PARAMETER": self._parameter,
            "TEMPLATE": self._set,
            "SYSTEM": self._set,
            "ADAPTER": self._add,
            "DRAFT": self._add,
            "LICENSE": self._add,
            "MESSAGE": self._message,
            "RENDERER": self._set,
            "PARSER": self._set,
            "REQUIRES": self._set,
        }

    def modelfile(self) -> Modelfile:
        lines = self._lines
        for index, line in enumerate(lines.lines, 1):
            if found := _CONTROL.search(line):
                self._line = index
                self._problem(f"the control character U+{ord(found[0]):04X} is no text; remove it")
        while lines.at < len(lines.lines):
            line = lines.lines[lines.at].lstrip(_BLANK)
            lines.at += 1
            self._line = lines.at
            if (found := _WORD.fullmatch(line)) and not line.startswith("#"):
                self._instruction(found[1], found[2])
        requires = self._requires()
        problems = [f"{self._name}:{line}: {problem}" for line, problem in sorted(self._problems)]
        if not self._names_model:
            problems.append(f"{self._name}: no FROM line; name the model file or image to build from")
        if problems:
            raise InvalidModelfile(tuple(problems))
        return Modelfile(
            from_=tuple(self._several["FROM"]),
            parameters=Parameters(self._parameters),
            template=self._single["TEMPLATE"][0] if "TEMPLATE" in self._single else None,
            system=self._single["SYSTEM"][0] if "SYSTEM" in self._single else None,
            adapters=tuple(self._several["ADAPTER"]),
            drafts=tuple(self._several["DRAFT"]),
            licenses=tuple(self._several["LICENSE"]),
            messages=tuple(self._messages),
            renderer=self._single.get("RENDERER", ("", 0))[0],
            parser=self._single.get("PARSER", ("", 0))[0],
            requires=requires,
            warnings=tuple(self._warnings),
        )

    def _instruction(self, word: str, rest: str) -> None:
        name = word.upper()
        if (read := self._readers.get(name)) is not None:
            read(name, rest)
            return
        if rest.startswith('"""'):  # what belongs to it is not taken for instructions
            self._value(rest)
        near = get_close_matches(name[:20], self._readers, n=1)
        cure = f"did you mean {near[0]}?" if near else "the known ones are " + ", ".join(self._readers)
        self._problem(f"unknown instruction {word[:40]!r}; {cure}")

    def _add(self, name: str, rest: str) -> None:
        self._names_model |= name == "FROM"
        value = self._value(rest, name, empty=name == "LICENSE")
        if value is not None:
            self._several[name].append(value)

    def _set(self, name: str, rest: str) -> None:
        value = self._value(rest, name, empty=name in ("TEMPLATE", "SYSTEM"))
        if value is None:
            return
        if name in self._single:
            self._warn(f"{name} replaces the one of line {self._single[name][1]}")
        self._single[name] = (value, self._line)

    def _parameter(self, name: str, rest: str) -> None:
        key, text = _split(rest)
        value = self._value(text, f"{name} {key}".rstrip(), empty=key == "stop")
        if value is None:
            return
        key = key.lower()
        if key in DEPRECATED:
            self._warn(deprecation(key))
            return
        try:
            add_parameter(self._parameters, key, parse_parameter_text(key, value))
        except InvalidParameters as err:
            self._problem(str(err))

    def _message(self, name: str, rest: str) -> None:
        role, text = _split(rest)
        content = self._value(text, f"{name} {role}".rstrip(), empty=True)
        if role.lower() not in ROLES:
            self._problem(f"MESSAGE begins with a role, one of {', '.join(ROLES)}; got {role[:40]!r}")
        elif content is not None:
            self._messages.append(Message(role.lower(), content))

    def _requires(self) -> str:
        text, self._line = self._single.get("REQUIRES", ("", 0))
        if not text:
            return ""
        if (found := _VERSION.fullmatch(text)) is None:
            self._problem(f"REQUIRES takes a version such as 0.14.0, got {text[:40]!r}")
            return ""
        return found[1]

    def _value(self, text: str, what: str = "", *, empty: bool = False) -> str | None:
        """None after a problem; an empty value has to be written as `""`, where it means something."""
        try:
            value = self._lines.value(text)
        except _Unterminated as err:
            mark = str(err)
            self._problem(f"the text that begins with {mark} has no end; a line has to end with {mark}")
            if mark == '"""':  # all that follows is taken for its text
                self._lines.at = len(self._lines.lines)
            return None
        if what and not value and not (empty and text):
            self._problem(f"{what} has no value" + (f'; write {what} "" for an empty one' if empty else ""))
            return None
        return value

    def _problem(self, text: str) -> None:
        self._problems.append((self._line, text))

    def _warn(self, text: str) -> None:
        self._warnings.append(f"{self._name}:{self._line}: {text}")


def _instructions(modelfile: Modelfile) -> Iterator[tuple[str, str]]:
    """Each instruction with its value, quoted where it has to be."""
    several = (("FROM", modelfile.from_), ("ADAPTER", modelfile.adapters), ("DRAFT", modelfile.drafts))
    for name, values in several:
        yield from ((name, _quote(value, name)) for value in values)
    for name, single in (("TEMPLATE", modelfile.template), ("SYSTEM", modelfile.system)):
        if single is not None:
            yield name, _quote(single, name)
    for key, text in parameter_texts(modelfile.parameters):
        yield "PARAMETER", f"{key} {_quote(text, f'PARAMETER {key}')}"
    for message in modelfile.messages:
        yield "MESSAGE", f"{message.role} {_quote(message.content, 'MESSAGE')}"
    for name, word in (
        ("RENDERER", modelfile.renderer),
        ("PARSER", modelfile.parser),
        ("REQUIRES", modelfile.requires),
    ):
        if word:
            yield name, _quote(word, name)
    for value in modelfile.licenses:
        yield "LICENSE", _quote(value, "LICENSE")


def _quote(value: str, what: str) -> str:
    """The plainest form that reads back as `value`."""
    if not _CONTROL.search(value) and "\r" not in value:
        forms = (value, f'"{value}"', f'"""{value}"""')
        for form in forms[0 if value and "\n" not in value and value[0] not in _BLANK else 1 :]:
            if _reads_as(form, value):
                return form
    raise InvalidModelfile(
        f"Modelfile: {what} has a control character, or both a quote and three at the end of lines;"
        " no Modelfile can hold it"
    )


def _reads_as(form: str, value: str) -> bool:
    lines = _Lines("\n" + form)  # the first line ends before the value, as an instruction's word does
    lines.at = 2
    try:
        return lines.value(lines.lines[1]) == value and lines.at == len(lines.lines)
    except _Unterminated:
        return False


def _split(text: str) -> tuple[str, str]:
    found = _WORD.fullmatch(text)
    return (found[1], found[2]) if found else ("", "")
