"""Where the demo's model comes from."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bronzewillow.demo import model as module
from bronzewillow.demo.errors import DemoError
from bronzewillow.demo.model import fetch_model, make_image
from bronzewillow.testing.aio import run


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of Python's, since the real one would fetch 90 MB."""
    path = tmp_path / "python"
    monkeypatch.setattr(sys, "executable", str(path))
    return path


def test_the_last_line_is_the_path(program: Path) -> None:
    program.write_text(
        '#!/bin/sh\ntest "$*" = "-m runtime.models.smollm2" || exit 9\necho fetched\necho /m.gguf\n'
    )
    program.chmod(0o700)
    assert run(fetch_model()) == Path("/m.gguf")


def test_a_failure_says_what_to_do(program: Path) -> None:
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o700)
    with pytest.raises(DemoError, match="name a GGUF file with --model"):
        run(fetch_model())


def test_an_image_goes_to_the_registry_and_comes_back(program: Path, tmp_path: Path) -> None:
    program.write_text(f'#!/bin/sh\nshift 2\necho "$@" >>{tmp_path}/said\n')
    program.chmod(0o700)
    told: list[str] = []
    assert run(make_image(Path("/a/m.gguf"), "", False, told.append)) == "demo/smollm2"
    name = "r.example/team/demo/smollm2"
    assert run(make_image(Path("/a/m.gguf"), "r.example/team", True, told.append)) == name
    assert (tmp_path / "said").read_text().splitlines() == [
        "create demo/smollm2 --model /a/m.gguf",
        f"create {name} --model /a/m.gguf",
        f"push --insecure r.example {name}",
        f"rm {name}",
        f"pull --insecure r.example {name}",
    ]
    assert told[0] == "runm create demo/smollm2 --model m.gguf"


def test_what_runm_says_is_what_is_wrong(program: Path) -> None:
    program.write_text("#!/bin/sh\necho pushing\necho 'runm: registry r: no' >&2\nexit 1\n")
    program.chmod(0o700)
    with pytest.raises(DemoError, match=r"^registry r: no$"):
        run(make_image(Path("/m.gguf"), "r", False, lambda line: None))


def test_what_runm_waits_for_is_told_while_it_waits(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program in its place goes on once that was told."""
    monkeypatch.setattr(module, "_HELD_S", 0.0)
    road = tmp_path / "road"
    os.mkfifo(road)
    program.write_text(
        '#!/bin/sh\ntest "$3" = push || exit 0\necho "runm: registry r: waiting" >&2\n'
        f"read told <{road}\necho 'runm: registry r: no' >&2\nexit 1\n"
    )
    program.chmod(0o700)
    end = os.open(road, os.O_RDWR)
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if line == "registry r: waiting":
            os.write(end, b"\n")

    try:
        with pytest.raises(DemoError, match=r"^registry r: no$"):
            run(make_image(Path("/m.gguf"), "r", False, tell))
    finally:
        os.close(end)
    assert told[2] == "registry r: waiting"
