from __future__ import annotations

import pytest

from bronzewillow.testing.lab.netns import CUBIC, LabError, Namespace, run, unprivileged


def test_run_gives_output_and_takes_input() -> None:
    assert run("cat", input="lab") == "lab"


def test_a_failing_program_is_named_with_what_it_said() -> None:
    with pytest.raises(LabError, match=r"sh -c .*: exit 3: no luck"):
        run("sh", "-c", "echo no luck >&2; exit 3")


def test_unprivileged_gives_up_everything() -> None:
    argv = unprivileged(["agent", "--flag"])
    assert argv[0] == "setpriv"
    assert argv[-3:] == ["--", "agent", "--flag"]
    assert {"--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"} <= set(argv)


def test_a_command_is_run_in_its_namespace() -> None:
    assert Namespace("bw1n1-mac").command("ss", "-l") == ["ip", "netns", "exec", "bw1n1-mac", "ss", "-l"]


def test_routes_name_their_congestion_control() -> None:
    assert CUBIC == ("congctl", "cubic")
