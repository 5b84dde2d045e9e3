from __future__ import annotations

from collections.abc import Sequence

import click
import pytest

from runtime.api import cri_pb2 as api
from runtime.cri import arguments
from runtime.cri.arguments import Mounts, environment, serve_arguments
from runtime.cri.errors import InvalidArgument
from runtime.runm.serve_verb import serve_command

MOUNTS = Mounts([
    api.Mount(container_path="/models", host_path="/host/m"),
    api.Mount(container_path="/models/keys/", host_path="/host/k"),
])  # fmt: skip


def test_every_option_of_serve_has_its_place() -> None:
    names = {name for one in serve_command.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
    options = {name for name in names if name.startswith("--")}
    assert options == arguments.OPTIONS | arguments.PATH_OPTIONS | arguments.HOST_OPTIONS


def test_every_variable_of_serve_has_its_place() -> None:
    context = click.Context(serve_command, auto_envvar_prefix="RUNM")
    allowed = set()
    for one in serve_command.params:
        if {*one.opts, *one.secondary_opts} & (arguments.OPTIONS | arguments.PATH_OPTIONS):
            allowed.add(one.envvar or f"{context.auto_envvar_prefix}_{str(one.name).upper()}")
    assert allowed == arguments._FREE_NAMES | arguments._PATH_NAMES


@pytest.mark.parametrize(
    ("command", "args", "options"),
    [
        ((), (), []),
        (("runm", "serve"), ("--context", "512"), ["--context", "512"]),
        (("/usr/bin/runm",), ("serve", "--verbose", "--name=a=b"), ["--verbose", "--name", "a=b"]),
        ((), ("serve", "--parallel=2"), ["--parallel", "2"]),
        ((), ("--adapter", "/models/a.gguf"), ["--adapter", "/host/m/a.gguf"]),
        ((), ("--api-key-file", "/models/keys/x"), ["--api-key-file", "/host/k/x"]),
    ],
)
def test_options(command: Sequence[str], args: Sequence[str], options: list[str]) -> None:
    assert serve_arguments(command, args, MOUNTS) == options


@pytest.mark.parametrize(
    ("command", "args", "words"),
    [
        (("sh", "-c"), ("x",), "'sh': this node runs models alone"),
        (("runm", "pull"), ("x",), "`runm serve`"),
        (("runm",), (), "`runm serve`"),
        ((), ("--listen", "0.0.0.0:80"), "not the container's; for another port than 8080 declare it"),
        ((), ("--model=/etc/passwd",), "--model is the node's business"),
        ((), ("--chat-template-file", "/etc/passwd"), "in none of the container's mounts"),
        ((), ("--adapter", "/models/../etc/passwd"), "in none of the container's mounts"),
        ((), ("--adapter", "models/a"), "in none of the container's mounts"),
        ((), ("image",), "'image': is no option"),
        ((), ("--context",), "its value is missing"),
        ((), ("--verbose=1",), "takes no value"),
    ],
)
def test_what_is_refused(command: Sequence[str], args: Sequence[str], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words.replace("(", r"\(")):
        serve_arguments(command, args, MOUNTS)


def test_environment() -> None:
    pairs = {"A": b"b", "RUNM_CONTEXT": b"5", "RUNM_KEYS": b"/models/keys/a", "EMPTY": b""}
    found = environment([api.KeyValue(key=key, value=value) for key, value in pairs.items()], MOUNTS)
    assert found == {"A": "b", "RUNM_CONTEXT": "5", "RUNM_KEYS": "/host/k/a", "EMPTY": ""}
    for name in (
        "RUNM_MODEL",
        "RUNM_LISTEN",
        "RUNM_STORE",
        "RUNM_ROOT",
        "LD_PRELOAD",
        "PYTHONPATH",
        "",
        "A=B",
    ):
        with pytest.raises(InvalidArgument, match="env "):
            environment([api.KeyValue(key=name, value=b"x")], MOUNTS)
