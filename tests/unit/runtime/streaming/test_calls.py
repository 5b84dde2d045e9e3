from __future__ import annotations

from runtime.streaming.calls import CommandStreams, Exec, PortForward, Streams


def test_calls_are_values() -> None:
    assert Exec("c", ("sh",), Streams(stdout=True)) == Exec("c", ("sh",), Streams(stdout=True))
    assert PortForward("p").ports == () and CommandStreams().stdout is None
