from __future__ import annotations

from itertools import pairwise

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


class Answered(Namespace):
    """Where ping reports so many of four."""

    def __init__(self, number: int) -> None:
        super().__init__("bw1n1-pod1")
        self.number = number
        self.asked: tuple[str, ...] = ()

    def command(self, *argv: str) -> list[str]:
        self.asked = argv
        lost = 100 - 25 * self.number
        return ["echo", f"4 packets transmitted, {self.number} received, {lost}% packet loss, time 0ms"]


def test_a_ping_waits_for_the_last_as_for_the_first() -> None:
    namespace = Answered(4)
    namespace.ping("10.244.7.10", "-s", "2000", count=4)
    asked = dict(pairwise(namespace.asked))
    assert (asked["-c"], asked["-l"], asked["-s"]) == ("4", "4", "2000")
    assert asked["-i"] == asked["-W"]
    assert namespace.asked[-1] == "10.244.7.10"


@pytest.mark.parametrize("number", [0, 3])
def test_a_ping_tells_of_an_answer_that_is_missing(number: int) -> None:
    with pytest.raises(LabError, match=rf"bw1n1-pod1 to 10.244.7.10: .* {number} received"):
        Answered(number).ping("10.244.7.10", count=4)


def test_routes_name_their_congestion_control() -> None:
    assert CUBIC == ("congctl", "cubic")
