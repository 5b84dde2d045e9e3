"""The names under which a model answers: an image reference, its short forms, and aliases."""

from __future__ import annotations

from collections.abc import Iterable


def without_host(reference: str) -> str:
    """`registry.example:5000/team/tiny:1b` -> `team/tiny:1b`; a name without a host stays as it is."""
    first, slash, rest = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return rest
    return reference


def synonyms(name: str, aliases: Iterable[str] = ()) -> frozenset[str]:
    """All that a request may say in `model` to mean `name`."""
    known: set[str] = set()
    for one in (name, *aliases):
        short = without_host(one)
        last = short.rsplit("/", 1)[-1]
        for form in (one, short, short.removeprefix("library/"), last):
            known.add(form)
            if form.endswith(":latest"):
                known.add(form.removesuffix(":latest"))
            elif ":" not in form.rsplit("/", 1)[-1] and "@" not in form:
                known.add(f"{form}:latest")
    known.discard("")
    return frozenset(known)
