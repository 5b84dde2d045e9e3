from __future__ import annotations

import pytest

from runtime.templates.errors import TemplateError
from runtime.templates.parser import parse_template
from runtime.templates.syntax import (
    Action,
    Break,
    Call,
    Chain,
    Command,
    Dot,
    Field,
    If,
    Include,
    Literal,
    Node,
    Operand,
    Pipe,
    Range,
    Text,
    Variable,
    With,
)


def _pipe(*operands: Operand, variables: tuple[str, ...] = (), declares: bool = False) -> Pipe:
    return Pipe((Command(operands, 1),), variables, declares)


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("", ()),
        ("a {{- /* c */ -}} b", (Text("a"), Text("b"))),
        ("{{ . }}", (Action(_pipe(Dot())),)),
        ("{{ .A.B }}", (Action(_pipe(Field(("A", "B")))),)),
        ("{{ $.A }}", (Action(_pipe(Variable("$", ("A",)))),)),
        ("{{ nil | not }}", (Action(Pipe((Command((Literal(None),), 1), Command((Call("not"),), 1)))),)),
        (
            "{{ (index .A 0).B.C }}",
            (Action(_pipe(Chain(_pipe(Call("index"), Field(("A",)), Literal(0)), ("B", "C")))),),
        ),
        ("{{ len . .A }}", (Action(_pipe(Call("len"), Dot(), Field(("A",)))),)),
        ("{{ $x := 1 }}", (Action(_pipe(Literal(1), variables=("$x",), declares=True)),)),
        (
            "{{ if . }}a{{ else if .A }}b{{ else }}c{{ end }}",
            (If(_pipe(Dot()), (Text("a"),), (If(_pipe(Field(("A",))), (Text("b"),), (Text("c"),)),)),),
        ),
        (
            "{{ with $x := . }}{{ else with .A }}a{{ end }}",
            (
                With(
                    _pipe(Dot(), variables=("$x",), declares=True),
                    (),
                    (With(_pipe(Field(("A",))), (Text("a"),)),),
                ),
            ),
        ),
        (
            "{{ range $i, $m := . }}{{ break }}{{ else }}a{{ end }}",
            (Range(_pipe(Dot(), variables=("$i", "$m"), declares=True), (Break(),), (Text("a"),)),),
        ),
        ("{{ template `x` }}", (Include("x", None, 1),)),
    ],
)
def test_trees(text: str, nodes: tuple[Node, ...]) -> None:
    assert parse_template(text).body == nodes


def test_definitions() -> None:
    template = parse_template('{{ define "a" }}A{{ end }}{{ block "b" . }}B{{ end }}')
    assert template.definitions == {"a": (Text("A"),), "b": (Text("B"),)}
    assert template.body == (Include("b", _pipe(Dot()), 1),)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{{}}", "1: expected a value, got '}}'"),
        ("\n{{ end }}", "2: unexpected {{ end }}"),
        ("{{ if . }}", "1: the text ends before {{ end }}"),
        ("{{ if . }}{{ else }}", "1: the text ends before {{ end }}"),
        ("{{ if . }}{{ else }}{{ else }}{{ end }}", "1: a second else"),
        ("{{ if . }}{{ else with . }}{{ end }}", "1: expected }}, got 'with'"),
        ("{{ range . }}{{ else range . }}{{ end }}", "1: expected }}, got 'range'"),
        ("{{ range . }}{{ else }}{{ break }}{{ end }}", "1: break outside of a range"),
        ("{{ continue }}", "1: continue outside of a range"),
        ('{{ range . }}{{ define "a" }}{{ end }}{{ end }}', "1: define within a block; it stands at the top"),
        ('{{ range . }}{{ block "a" . }}{{ break }}{{ end }}{{ end }}', "1: break outside of a range"),
        ('{{ define "a" }}{{ end }}{{ define "a" }}{{ end }}', "1: 'a' is defined twice"),
        ('{{ define "a" }}{{ else }}{{ end }}', "1: unexpected else"),
        ("{{ template x }}", "1: template takes a name in quotes"),
        ("{{ foo . }}", "1: no function 'foo'"),
        ("{{ $x }}", "1: no variable $x"),
        ("{{ $x = 1 }}", "1: no variable $x"),
        ("{{ if $x := . }}{{ end }}{{ $x }}", "1: no variable $x"),
        ('{{ $x := 1 }}{{ define "a" }}{{ $x }}{{ end }}', "1: no variable $x"),
        ("{{ $x, $y := . }}", "1: 2 variables where 1 can be set"),
        ("{{ .A .B }}", "1: 'A' is no function and takes no arguments"),
        ("{{ . | .A }}", "1: after | stands a function"),
        ("{{ . | 1 }}", "1: after | stands a function"),
        ("{{ . | }}", "1: expected a value, got '}}'"),
        ("{{ (len . }}", "1: expected ), got '}}'"),
        ("{{ len . ) }}", "1: expected }}, got ')'"),
        ("{{ len(.) }}", "1: unexpected '('; a space may be missing"),
        ("{{ print 3`x` }}", "1: unexpected '`x`'; a space may be missing"),
        ('{{ "a".B }}', "1: '\"a\"' has no fields"),
        ("{{ true.B }}", "1: 'true' has no fields"),
        ("{{ ($x := 1) }}", "1: 1 variables where 0 can be set"),
        ("{{ len\n\n. 1 2", "3: an action has no end; write }}"),
        ("{{ if . }}" * 61 + "{{ end }}" * 61, "1: more than 60 blocks or parentheses within one another"),
        (
            "{{ " + "(" * 61 + "1" + ")" * 61 + "}}",
            "1: more than 60 blocks or parentheses within one another",
        ),
    ],
)
def test_errors(text: str, error: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template(text)
    assert str(caught.value) == f"template:{error}"


def test_sixty_levels_are_parsed() -> None:
    parse_template("{{ if . }}" * 60 + "{{ end }}" * 60)
    parse_template("{{ " + "(" * 60 + "1" + ")" * 60 + "}}")
