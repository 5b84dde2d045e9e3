"""`$(NAME)` in variables, commands and arguments. k/k third_party/forked/golang/expansion."""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?:\((?P<name>[^)]*)\)|(?P<other>.))", re.DOTALL)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$$` is `$`; a name that is not there stays as it stands."""

    def replace(match: re.Match[str]) -> str:
        name, other = match["name"], match["other"]
        if name is not None:
            return variables.get(name, match[0])
        return "$" if other == "$" else match[0]

    return _REFERENCE.sub(replace, text)
