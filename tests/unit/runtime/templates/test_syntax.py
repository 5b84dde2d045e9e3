from __future__ import annotations

import dataclasses

import pytest

from runtime.templates.parser import parse_template
from runtime.templates.syntax import Field, Pipe, field_names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("plain", set()),
        ("{{ .A.B }}", {"A", "B"}),
        ("{{ $.A }}{{ $x := .B }}{{ $x.C }}", {"A", "B", "C"}),
        ("{{ (index .A 0).B | len }}", {"A", "B"}),
        ("{{ if .A }}{{ .B }}{{ else if .C }}{{ else }}{{ .D }}{{ end }}", {"A", "B", "C", "D"}),
        ("{{ range .A }}{{ with .B }}{{ .C }}{{ else }}{{ .D }}{{ end }}{{ end }}", {"A", "B", "C", "D"}),
        ('{{ define "x" }}{{ .A }}{{ end }}{{ template "x" .B }}{{ template "x" }}', {"A", "B"}),
        ('{{ block "x" .A }}{{ .B }}{{ end }}', {"A", "B"}),
        ('{{ eq "Messages" `.Prompt` }}{{/* .System */}}', set()),
    ],
)
def test_field_names_are_found_wherever_they_stand(text: str, names: set[str]) -> None:
    assert field_names(parse_template(text)) == names


def test_a_tree_is_not_changed() -> None:
    assert Field(("A",)) == Field(("A",)) != Field(("B",))
    with pytest.raises(dataclasses.FrozenInstanceError):
        Pipe(()).declares = True  # type: ignore[misc]
