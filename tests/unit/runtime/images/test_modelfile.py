from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.images.errors import InvalidModelfile
from runtime.images.modelfile import ROLES, Message, Modelfile, emit_modelfile, parse_modelfile
from runtime.images.parameters import Parameters

FULL = '''\
# a comment
from ./tiny.gguf
FROM ./mmproj.gguf

  Template """{{ if .System }}<|system|>
{{ .System }}{{ end }}
{{ .Prompt }}"""
SYSTEM "You are "Mario".
  Be short."  \t
PARAMETER temperature 0.7
PARAMETER stop "<|end|>"
PARAMETER stop <|user|>
parameter NUM_CTX 4096
PARAMETER mirostat 1
ADAPTER ./one.gguf
ADAPTER "./two three.gguf"
DRAFT ./draft.gguf
LICENSE """
MIT
"""
LICENSE Apache-2.0 # no comment here
MESSAGE user Is "this" a test?
MESSAGE Assistant """yes"""
RENDERER harmony
PARSER harmony
REQUIRES v0.14.0
'''

# What a value can hold: any text without control characters, newline and tab excepted.
VALUE = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x7f", exclude_categories=["Cc"])
    | st.sampled_from('\n\t" #')
)
WORD = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Z"]), min_size=1)


def test_all_instructions() -> None:
    modelfile = parse_modelfile(FULL)
    assert modelfile == Modelfile(
        from_=("./tiny.gguf", "./mmproj.gguf"),
        parameters=Parameters({"temperature": 0.7, "stop": ("<|end|>", "<|user|>"), "num_ctx": 4096}),
        template="{{ if .System }}<|system|>\n{{ .System }}{{ end }}\n{{ .Prompt }}",
        system='You are "Mario".\n  Be short.',
        adapters=("./one.gguf", "./two three.gguf"),
        drafts=("./draft.gguf",),
        licenses=("\nMIT\n", "Apache-2.0 # no comment here"),
        messages=(Message("user", 'Is "this" a test?'), Message("assistant", "yes")),
        renderer="harmony",
        parser="harmony",
        requires="0.14.0",
    )
    assert modelfile.warnings == ("Modelfile:14: parameter 'mirostat' is deprecated and has no effect",)
    assert parse_modelfile(emit_modelfile(modelfile)) == modelfile


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_other_line_ends_and_a_byte_order_mark_mean_the_same(newline: str) -> None:
    assert parse_modelfile("\ufeff" + FULL.replace("\n", newline)) == parse_modelfile(FULL)


def test_what_may_be_empty_is_empty_in_quotes() -> None:
    modelfile = parse_modelfile('FROM x\nSYSTEM ""\nTEMPLATE """"""\nMESSAGE user ""\nPARAMETER stop ""')
    assert (modelfile.system, modelfile.template) == ("", "")
    assert modelfile.messages == (Message("user", ""),)
    assert modelfile.parameters == Parameters({"stop": ()})
    assert parse_modelfile(emit_modelfile(modelfile)) == modelfile


def test_nothing_said_is_none() -> None:
    modelfile = parse_modelfile("FROM x")
    assert modelfile == Modelfile(("x",))
    assert (modelfile.system, modelfile.template) == (None, None)


def test_what_stands_twice_is_told() -> None:
    modelfile = parse_modelfile("FROM x\nSYSTEM one\nSYSTEM two\n", "./m")
    assert modelfile.system == "two"
    assert modelfile.warnings == ("./m:3: SYSTEM replaces the one of line 2",)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("bare words", "bare words"),
        ("  padded \t", "padded"),
        ('"  kept "', "  kept "),
        ('"a" and "b"', 'a" and "b'),
        ('"""a"""', "a"),
        ('""""a""""', '"a"'),
        ('"""\na"""\n', "\na"),
        ('"""a""" b\nc"""', 'a""" b\nc'),
        ('"one\n# two\nthree"', "one\n# two\nthree"),
        ('"""one  \n\n  two  """   ', "one  \n\n  two  "),
        ("it's", "it's"),
        ("# five", "# five"),
        ("{{ .Prompt }}", "{{ .Prompt }}"),
    ],
)
def test_values(text: str, value: str) -> None:
    assert parse_modelfile(f"SYSTEM {text}\nFROM x").system == value


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["Modelfile: no FROM line; name the model file or image to build from"]),
        ("FROM", ["Modelfile:1: FROM has no value"]),
        ('FROM ""', ["Modelfile:1: FROM has no value"]),
        ("FROM x\nSYSTEM", ['Modelfile:2: SYSTEM has no value; write SYSTEM "" for an empty one']),
        ("FROM x\nSYTEM hi", ["Modelfile:2: unknown instruction 'SYTEM'; did you mean SYSTEM?"]),
        ("FROM x\nPARAMETER", ["Modelfile:2: PARAMETER has no value"]),
        ("FROM x\nPARAMETER top_k", ["Modelfile:2: PARAMETER top_k has no value"]),
        (
            "FROM x\nPARAMETER top_k x",
            ["Modelfile:2: parameter 'top_k': expected a whole number, got 'x'"],
        ),
        (
            "FROM x\nPARAMETER topk 1",
            ["Modelfile:2: parameter 'topk' is not known; did you mean 'top_k'?"],
        ),
        (
            "FROM x\nMESSAGE robot hi",
            ["Modelfile:2: MESSAGE begins with a role, one of system, user, assistant; got 'robot'"],
        ),
        ("FROM x\nREQUIRES soon", ["Modelfile:2: REQUIRES takes a version such as 0.14.0, got 'soon'"]),
        (
            'FROM x\nSYSTEM """\nFROM y\n',
            ['Modelfile:2: the text that begins with """ has no end; a line has to end with """'],
        ),
        (
            'FROM x\nSYSTEM "no end\nPARAMETER top_k x',
            [
                'Modelfile:2: the text that begins with " has no end; a line has to end with "',
                "Modelfile:3: parameter 'top_k': expected a whole number, got 'x'",
            ],
        ),
        (
            'FROM x\n\nsistem """\nFROM\n"""\nFROM\n',
            [
                "Modelfile:3: unknown instruction 'sistem'; did you mean SYSTEM?",
                "Modelfile:6: FROM has no value",
            ],
        ),
        (
            "FROM x\nREQUIRES soon\nSYTEM\n\x01",
            [
                "Modelfile:2: REQUIRES takes a version such as 0.14.0, got 'soon'",
                "Modelfile:3: unknown instruction 'SYTEM'; did you mean SYSTEM?",
                "Modelfile:4: the control character U+0001 is no text; remove it",
                "Modelfile:4: unknown instruction '\\x01'; the known ones are FROM, PARAMETER, TEMPLATE, "
                "SYSTEM, ADAPTER, DRAFT, LICENSE, MESSAGE, RENDERER, PARSER, REQUIRES",
            ],
        ),
        ("FROM x\x00y", ["Modelfile:1: the control character U+0000 is no text; remove it"]),
    ],
)  # fmt: skip
def test_every_mistake_has_its_line(text: str, problems: list[str]) -> None:
    with pytest.raises(InvalidModelfile) as caught:
        parse_modelfile(text)
    assert list(caught.value.problems) == problems


def test_an_unknown_word_far_from_all_gets_the_list() -> None:
    with pytest.raises(InvalidModelfile, match=r"^M:2: unknown instruction 'zzz'; the known ones are FROM, "):
        parse_modelfile("FROM x\nzzz", "M")


@pytest.mark.parametrize("value", ["a\rb", "a\x00", 'x"""\ny'])
def test_what_no_modelfile_can_hold_is_not_written(value: str) -> None:
    with pytest.raises(InvalidModelfile, match=r"^Modelfile: SYSTEM has "):
        emit_modelfile(Modelfile(("x",), system=value))


def test_many_texts_without_an_end_take_no_time() -> None:
    with pytest.raises(InvalidModelfile) as caught:
        parse_modelfile('SYSTEM "\n' * 20_000 + 'SYSTEM "a')
    assert len(caught.value.problems) > 1


@given(
    st.builds(
        Modelfile,
        from_=st.lists(VALUE.filter(bool), min_size=1).map(tuple),
        template=st.none() | VALUE,
        system=st.none() | VALUE,
        adapters=st.lists(VALUE.filter(bool)).map(tuple),
        licenses=st.lists(VALUE).map(tuple),
        messages=st.lists(st.builds(Message, st.sampled_from(ROLES), VALUE)).map(tuple),
        renderer=WORD,
        requires=st.sampled_from(["", "1.2.3", "0.14.0-rc1"]),
        parameters=st.builds(
            Parameters,
            st.fixed_dictionaries({}, optional={"top_k": st.integers(0, 9), "stop": st.lists(VALUE)}),
        ),
    )
)
def test_what_was_written_reads_back(modelfile: Modelfile) -> None:
    try:
        text = emit_modelfile(modelfile)
    except InvalidModelfile:
        return
    assert parse_modelfile(text) == modelfile


LINES = st.sampled_from(
    ["FROM x", "SYSTEM ", "TEMPLATE ", "PARAMETER ", "MESSAGE user ", "LICENSE",
     "stop ", "top_k 1", '"', '"""', "\n", " ",
     "#", "a", "\r\n"]
)  # fmt: skip


@given(st.text() | st.lists(LINES).map("".join))
def test_any_text_is_a_value_that_reads_back_or_one_error(text: str) -> None:
    with contextlib.suppress(InvalidModelfile):
        modelfile = parse_modelfile(text)
        assert parse_modelfile(emit_modelfile(modelfile)) == modelfile
