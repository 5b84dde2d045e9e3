"""The `WWW-Authenticate` header: how a registry wants to be asked (RFC 9110 11.6.1, RFC 6750 3)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_SCHEME = re.compile(rf"\s*,?\s*({_TOKEN})(?:\s+|$)(?!=)")
_PARAMETER = re.compile(rf'\s*,?\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))')
_LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Challenge:
    """One of the ways that a registry offers."""

    scheme: str
    """In lower case."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """By their names in lower case."""


def parse_challenges(headers: Sequence[str]) -> list[Challenge]:
    """All ways that the headers offer, in their order; what cannot be read ends its header."""
    found: list[Challenge] = []
    for header in headers:
        at = 0
        text = header[:_LONGEST]
        while scheme := _SCHEME.match(text, at):
            at = scheme.end()
            parameters: dict[str, str] = {}
            while parameter := _PARAMETER.match(text, at):
                name, quoted, bare = parameter.groups()
                parameters[name.lower()] = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                at = parameter.end()
            found.append(Challenge(scheme[1].lower(), parameters))
    return found
