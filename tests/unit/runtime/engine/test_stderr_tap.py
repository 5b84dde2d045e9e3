"""Why a C library failed, from what it wrote."""

from __future__ import annotations

import os

import pytest

from runtime.engine.stderr_tap import StderrTap, telling_line


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], ""),
        (["0.00.1.2 I srv load_model: loading /tmp/failed/x.gguf"], ""),
        (
            ["0.00.000.001 I fine", "0.00.000.002 E load: unknown model architecture: 'x'"],
            "load: unknown model ",
        ),
        (["ggml.c:1: GGML_ASSERT(a) failed", "0.00.000.002 E load: late"], "load: late"),
        (["all is well", "dyld: cannot find library"], "dyld: cannot find library"),
    ],
)
def test_telling_line(lines: list[str], reason: str) -> None:
    assert telling_line(lines).startswith(reason)
    assert bool(telling_line(lines)) == bool(reason)


def test_descriptor_two_is_read_and_given_back(capfd: pytest.CaptureFixture[str]) -> None:
    with StderrTap(forward=False) as tap:
        os.write(2, b"0.00.000.002 E load: no memory\n")
    os.write(2, b"after\n")
    assert tap.reason() == "load: no memory"
    assert capfd.readouterr().err == "after\n"


def test_forwarding(capfd: pytest.CaptureFixture[str]) -> None:
    with StderrTap(forward=True):
        os.write(2, b"progress\n")
    assert capfd.readouterr().err == "progress\n"
