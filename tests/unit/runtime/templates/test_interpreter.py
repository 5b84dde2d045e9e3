from __future__ import annotations

import time
from datetime import date

import pytest

from runtime.templates.errors import TemplateError
from runtime.templates.functions import Functions
from runtime.templates.interpreter import DEFAULT_BOUNDS, Bounds, Meter, execute
from runtime.templates.parser import parse_template
from runtime.templates.values import Value

DATA = {
    "A": "a",
    "Empty": "",
    "No": False,
    "Zero": 0,
    "N": 2,
    "M": {"x": 1, "b": 2},
    "L": ["p", "q", "r"],
    "Messages": [{"Role": "user", "Content": "hi"}, {"Role": "bot", "Content": "yo"}],
    "Deep": {"In": {"Er": "deep"}},
}


def _run(text: str, data: Value = DATA, bounds: Bounds = DEFAULT_BOUNDS) -> str:
    return execute(parse_template(text), data, Functions(date(2024, 5, 17)), Meter(bounds))


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("x {{ .A }} y", "x a y"),
        ("x {{- .A -}} y", "xay"),
        ("x\n\n{{- /* c */}}\ny", "x\ny"),
        ("{{ `raw \\n` }}{{ 'a' }}{{ -3 }}", "raw \\n97-3"),
        ("[{{ .Missing }}{{ .Missing.More }}]", "[]"),
        ("{{ .Deep.In.Er }}{{ (index .L 1) }}{{ (index .Messages 1).Content }}", "deepqyo"),
        ("{{ $.A }}{{ with .Deep }}{{ $.A }}{{ .In.Er }}{{ end }}", "aadeep"),
        # branches
        ("{{ if .A }}1{{ else }}2{{ end }}{{ if .Empty }}1{{ else }}2{{ end }}", "12"),
        ("{{ if .No }}1{{ else if .Zero }}2{{ else if .A }}3{{ else }}4{{ end }}", "3"),
        ("{{ if $x := .A }}{{ $x }}{{ end }}", "a"),
        ("{{ if $x := .Empty }}{{ else }}[{{ $x }}]{{ end }}", "[]"),
        ("{{ with .Deep }}{{ with .In }}{{ .Er }}{{ end }}{{ .In.Er }}{{ end }}", "deepdeep"),
        ("{{ with .Empty }}1{{ else }}{{ .A }}{{ end }}", "a"),
        ("{{ with .No }}1{{ else with .Deep }}{{ .In.Er }}{{ end }}", "deep"),
        ("{{ with $x := .A }}{{ $x }}{{ . }}{{ end }}", "aa"),
        # loops
        ("{{ range .L }}<{{ . }}>{{ end }}", "<p><q><r>"),
        ("{{ range $x := .L }}{{ $x }}{{ . }}{{ end }}", "ppqqrr"),
        ("{{ range $i, $m := .Messages }}{{ $i }}{{ $m.Role }}{{ .Content }} {{ end }}", "0userhi 1botyo "),
        ("{{ range $k, $v := .M }}{{ $k }}={{ $v }};{{ end }}", "b=2;x=1;"),
        ("{{ range .Missing }}1{{ else }}none{{ end }}", "none"),
        ("{{ range .N }}{{ . }}{{ end }}{{ range .Zero }}{{ else }}none{{ end }}", "01none"),
        ("{{ range $i, $x := .L }}{{ if $i }}, {{ end }}{{ $x }}{{ end }}", "p, q, r"),
        ('{{ range .L }}{{ if eq . "q" }}{{ break }}{{ end }}{{ . }}{{ end }}!', "p!"),
        ('{{ range .L }}{{ if eq . "q" }}{{ continue }}{{ end }}{{ . }}{{ end }}!', "pr!"),
        ("{{ range .L }}{{ range $.L }}{{ break }}{{ end }}{{ . }}{{ end }}", "pqr"),
        (
            "{{ range $i, $_ := .L }}{{ if eq (len (slice $.L $i)) 1 }}last {{ $i }}{{ end }}{{ end }}",
            "last 2",
        ),
        # variables
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", "21"),
        ("{{ $x := `` }}{{ range .L }}{{ $x = . }}{{ end }}{{ $x }}", "r"),
        ("{{ $x := 0 }}{{ range $x = .L }}{{ end }}{{ $x }}", "r"),
        ("{{ $x := 1 }}{{ $x := 2 }}{{ $x }}", "2"),
        ("{{ range .L }}{{ $x := . }}{{ $x }}{{ end }}", "pqr"),
        ("{{ $m := .Deep }}{{ $m.In.Er }}", "deep"),
        # pipelines and functions
        ("{{ .A | printf `%s-%s` `x` }}{{ .L | len | printf `%03d` }}", "x-a003"),
        ('{{ "say \\"x\\"" | printf "%q" }}', r'"say \"x\""'),
        ('{{ eq .A "x" "y" "a" }}{{ ne .A "a" }}', "truefalse"),
        ("{{ and .A .Empty .N }}|{{ and .A .N }}|{{ or .Empty .N .A }}|{{ or .No .Empty }}", "|2|2|"),
        ("{{ or .A (index .L 9) }}{{ and .No (index .L 9) }}", "afalse"),
        ("{{ .N | and .A }}{{ .N | or .Empty }}{{ .N | and .Empty }}", "22"),
        ("{{ if and .A (not .No) (or .Empty (eq .N 2)) }}yes{{ end }}", "yes"),
        ("{{ json .M }}{{ .M }}{{ json .A }}", '{"b":2,"x":1}map[b:2 x:1]"a"'),
        ("{{ currentDate }} {{ yesterdayDate | len }}", "2024-05-17 10"),
        ("{{ print currentDate }}", "2024-05-17"),
        # templates
        ('{{ define "t" }}[{{ . }}]{{ end }}{{ template "t" .A }}{{ template "t" }}', "[a][]"),
        ('{{ template "t" .Deep }}{{ define "t" }}{{ $.In.Er }}{{ .In.Er }}{{ end }}', "deepdeep"),
        ('{{ block "b" .A }}<{{ . }}>{{ end }}{{ template "b" .N }}', "<a><2>"),
        ('{{ $x := 1 }}{{ define "t" }}{{ $x := 2 }}{{ end }}{{ template "t" }}{{ $x }}', "1"),
    ],
)
def test_what_is_printed(text: str, printed: str) -> None:
    assert _run(text) == printed


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("\n{{ .A.B }}", "template:2: string has no field B"),
        ("{{ range .A }}{{ end }}", "template:1: range goes over no string"),
        ("{{ index .L 9 }}", "template:1: the index 9 is out of range"),
        ('{{ template "x" }}', "template:1: no template 'x' is defined"),
        ("{{ and }}", "template:1: and takes at least 1 arguments, got 0"),
        ("{{ len\n 5 }}", "template:1: a int has no length"),
        (
            '{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}',
            "template:1: more than 100 blocks or templates within one another",
        ),
    ],
)
def test_errors_have_their_line(text: str, error: str) -> None:
    with pytest.raises(TemplateError) as caught:
        _run(text)
    assert str(caught.value) == error


ENDLESS = [
    "{{ range 999999999999 }}{{ end }}",
    "{{ range 999999999999 }}x{{ end }}",
    "{{ range 9999 }}{{ range 9999 }}{{ range 9999 }}{{ end }}{{ end }}{{ end }}",
    "{{ $x := `xxxxxxxx` }}{{ range 9999 }}{{ $x = print $x $x }}{{ end }}",
    "{{ $x := `xxxxxxxx` }}{{ range 9999 }}{{ $x = json $x | printf `%q%q` $x }}{{ end }}",
    "{{ range 9999999 }}{{ json $.Messages }}{{ end }}",
    "{{ range 9999999 }}{{ printf `%1000d` 1 }}{{ end }}",
    '{{ define "t" }}{{ template "t" }}{{ template "t" }}{{ end }}{{ template "t" }}',
    '{{ define "t" }}{{ if lt (len .) 50 }}{{ template "t" (print . `x`) }}'
    '{{ template "t" (print . `x`) }}{{ end }}{{ end }}{{ template "t" `x` }}',
]


@pytest.mark.parametrize("text", ENDLESS)
def test_what_has_no_end_is_stopped(text: str) -> None:
    began = time.process_time()
    with pytest.raises(TemplateError, match="more than"):
        _run(text, bounds=Bounds(output_bytes=1 << 20, steps=50_000))
    assert time.process_time() - began < 2


def test_the_bound_of_what_is_printed() -> None:
    assert _run("{{ .A }}bcd", bounds=Bounds(output_bytes=4)) == "abcd"
    with pytest.raises(TemplateError, match="template:1: the prompt has more than 4 bytes"):
        _run("{{ .A }}bcé", bounds=Bounds(output_bytes=4))


def test_runs_that_share_a_meter_share_its_bounds() -> None:
    template, functions, meter = (
        parse_template("{{ .A }}"),
        Functions(date.max),
        Meter(Bounds(output_bytes=2)),
    )
    assert [execute(template, DATA, functions, meter) for _ in range(2)] == ["a", "a"]
    with pytest.raises(TemplateError, match="more than 2 bytes"):
        execute(template, DATA, functions, meter)
