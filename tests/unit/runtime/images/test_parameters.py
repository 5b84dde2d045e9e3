from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.images.errors import InvalidParameters
from runtime.images.parameters import (
    DEPRECATED,
    KEYS,
    NO_PARAMETERS,
    Kind,
    Parameters,
    Value,
    When,
    add_parameter,
    emit_parameters,
    merge_parameters,
    parameter_texts,
    parse_parameter_text,
    parse_parameters,
)

OLLAMA_BYTES = (
    b'{"num_ctx":4096,"stop":["\\u003c|im_start|\\u003e","\\u003c|im_end|\\u003e"],"temperature":0.7}\n'
)
_VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.INTEGER: st.integers(1, 2**31 - 1),
    Kind.NUMBER: st.floats(0, 1000),
    Kind.BOOLEAN: st.booleans(),
    Kind.TEXTS: st.lists(st.text(min_size=1), unique=True).map(tuple),
}
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())
PARAMETERS = st.fixed_dictionaries(
    {}, optional={name: _VALUES[key.kind] for name, key in KEYS.items()}
).map(Parameters)  # fmt: skip


def test_a_layer_is_read_and_written_back_with_ollamas_bytes() -> None:
    parameters = parse_parameters(OLLAMA_BYTES)
    assert dict(parameters.values) == {
        "num_ctx": 4096,
        "stop": ("<|im_start|>", "<|im_end|>"),
        "temperature": 0.7,
    }
    assert parameters.warnings == ()
    assert emit_parameters(parameters) == OLLAMA_BYTES


@pytest.mark.parametrize("raw", [b"{}", b"", b" \n", b"null {}"[4:]])
def test_nothing_said_is_no_parameters(raw: bytes) -> None:
    assert parse_parameters(raw) == NO_PARAMETERS


def test_a_whole_float_is_an_integer_and_an_integer_is_a_number() -> None:
    values = parse_parameters(b'{"top_k": 40.0, "temperature": 1, "num_ctx": 1e3}').values
    assert dict(values) == {"top_k": 40, "temperature": 1.0, "num_ctx": 1000}
    assert isinstance(values["top_k"], int)
    assert isinstance(values["temperature"], float)


def test_what_nobody_knows_and_what_is_deprecated_are_warnings() -> None:
    parameters = parse_parameters(b'{"top_k": 1, "sparkle": 2, "mirostat": 1, "seed": null}')
    assert dict(parameters.values) == {"top_k": 1}
    assert parameters.warnings == (
        "parameter 'sparkle' is not known and has no effect",
        "parameter 'mirostat' is deprecated and has no effect",
    )


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (b'{"num_ctx": "4096"}', "num_ctx"),
        (b'{"num_ctx": true}', "num_ctx"),
        (b'{"num_ctx": 1.5}', "num_ctx"),
        (b'{"num_ctx": -1}', "num_ctx"),
        (b'{"num_ctx": 99999999999}', "num_ctx"),
        (b'{"seed": 1e300}', "seed"),
        (b'{"temperature": "hot"}', "temperature"),
        (b'{"temperature": false}', "temperature"),
        (b'{"temperature": 1e999}', "temperature"),
        (b'{"use_mmap": 1}', "use_mmap"),
        (b'{"stop": 3}', "stop"),
        (b'{"stop": ["a", 3]}', "stop"),
        (b'{"stop": {"a": 1}}', "stop"),
    ],
)
def test_a_wrong_value_names_its_key(raw: bytes, key: str) -> None:
    with pytest.raises(InvalidParameters, match=f"^parameter '{key}': .+"):
        parse_parameters(raw)


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b"\xff", b'{"temperature": NaN}', b"[" * 100_000, b'{"top_k": ' + b"9" * 5000 + b"}"]
)
def test_what_is_no_json_object_is_one_error(raw: bytes) -> None:
    with pytest.raises(InvalidParameters) as caught:
        parse_parameters(raw)
    assert "\n" not in str(caught.value)


def test_requests_get_their_own_names_and_only_what_was_said() -> None:
    parameters = Parameters({
        "num_predict": -2, "num_keep": 5, "seed": -1, "stop": ("</s>",), "num_ctx": 8192, "min_p": 0.05,
        "use_mmap": False,
    })  # fmt: skip
    assert parameters.request_defaults() == {
        "max_tokens": -1,
        "n_keep": 5,
        "seed": 0xFFFFFFFF,
        "stop": ["</s>"],
        "min_p": 0.05,
    }
    assert NO_PARAMETERS.request_defaults() == {}


def test_a_key_that_was_not_said_has_ollamas_default() -> None:
    assert Parameters({"top_k": 7}).get("top_k") == 7
    assert NO_PARAMETERS.get("top_p") == 0.9
    assert NO_PARAMETERS.get("num_ctx") is None


def test_a_merge_goes_key_by_key() -> None:
    base = Parameters({"top_k": 1, "stop": ("a",), "seed": 3}, ("one",))
    over = Parameters({"top_k": 2, "stop": ("b",)}, ("two",))
    merged = merge_parameters(base, over)
    assert merged == Parameters({"top_k": 2, "stop": ("b",), "seed": 3})
    assert merged.warnings == ("one", "two")


def test_stop_texts_of_several_lines_accumulate_and_empty_ones_end_nothing() -> None:
    values: dict[str, Value] = {}
    for name, text in [
        ("stop", "a"),
        ("stop", "b"),
        ("stop", "a"),
        ("stop", ""),
        ("top_k", "1"),
        ("top_k", "2"),
    ]:
        add_parameter(values, name, parse_parameter_text(name, text))
    assert values == {"stop": ("a", "b"), "top_k": 2}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("top_k", "40", 40),
        ("top_k", "-1", -1),
        ("top_k", "40.0", 40),
        ("temperature", "0.7", 0.7),
        ("temperature", "1", 1.0),
        ("use_mmap", "true", True),
        ("use_mmap", "F", False),
        ("stop", " x", (" x",)),
    ],
)
def test_texts_become_values(name: str, text: str, value: Value) -> None:
    assert parse_parameter_text(name, text) == value


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("top_k", "many", "parameter 'top_k': expected a whole number, got 'many'"),
        ("top_k", "1.5", "parameter 'top_k': expected a whole number, got 1.5"),
        ("top_k", "4_0", "parameter 'top_k': expected a whole number, got '4_0'"),
        ("top_k", "9" * 5000, "parameter 'top_k'"),
        ("temperature", "nan", "parameter 'temperature': expected a number, got 'nan'"),
        ("use_mmap", "yes", "parameter 'use_mmap': expected true or false, got 'yes'"),
        ("num_ctx", "-5", "parameter 'num_ctx': -5 is not between 0 and 2147483647"),
        ("temprature", "1", "parameter 'temprature' is not known; did you mean 'temperature'?"),
        ("x", "1", "parameter 'x' is not known; the known ones are num_ctx, "),
    ],
)
def test_a_text_that_is_no_value_says_why(name: str, text: str, reason: str) -> None:
    with pytest.raises(InvalidParameters) as caught:
        parse_parameter_text(name, text)
    assert str(caught.value).startswith(reason)


def test_the_table_is_in_order() -> None:
    assert not DEPRECATED & KEYS.keys()
    for name, key in KEYS.items():
        assert name == key.name
        assert (key.when is When.LOAD) == (not key.request_field)
        if key.default is not None:
            assert Parameters({name: key.default}).get(name) == key.default


def test_values_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        Parameters({"top_k": 1}).values["top_k"] = 2  # type: ignore[index]


@given(PARAMETERS)
def test_bytes_and_texts_mean_the_parameters(parameters: Parameters) -> None:
    assert parse_parameters(emit_parameters(parameters)) == parameters
    values: dict[str, Value] = {}
    for name, text in parameter_texts(parameters):
        add_parameter(values, name, parse_parameter_text(name, text))
    assert Parameters(values) == parameters


@given(st.dictionaries(st.sampled_from([*KEYS, "mirostat", "other"]), ANYTHING))
def test_any_object_is_a_value_or_one_error(found: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidParameters):
        parse_parameters(json.dumps(found).encode())


@given(st.binary())
def test_any_bytes_are_a_value_or_one_error(raw: bytes) -> None:
    with contextlib.suppress(InvalidParameters):
        parse_parameters(raw)


@given(st.sampled_from([*KEYS, "other"]), st.text())
def test_any_text_is_a_value_or_one_error(name: str, text: str) -> None:
    with contextlib.suppress(InvalidParameters):
        parse_parameter_text(name, text)
