"""That it switches is shown in tests/lab, which needs root."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import pytest

from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.peers.openvswitch import OpenVSwitch


class Written(Namespace):
    """Programs that do nothing, and succeed."""

    def __init__(self) -> None:
        super().__init__("written")
        self.ran: list[tuple[tuple[str, ...], str | None]] = []

    def run(self, *argv: str, input: str | None = None, timeout_s: float = 30.0) -> str:
        self.ran.append((argv, input))
        return ""

    def attempt(
        self, *argv: str, input: str | None = None, timeout_s: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(argv, 0, "", "")

    def begin(self, *argv: str, log: IO[bytes], env: Mapping[str, str], cwd: Path) -> Any:
        assert (env["OVS_RUNDIR"], env["OVS_LOGDIR"]) == (str(cwd / "ovs"), str(cwd))


@pytest.fixture
def written(tmp_path: Path) -> tuple[Written, OpenVSwitch]:
    namespace = Written()
    switch = OpenVSwitch(namespace, tmp_path / "ovs", tmp_path)
    namespace.ran.clear()
    return namespace, switch


def test_flows_are_replaced_as_one_with_the_groups_before_them(
    written: tuple[Written, OpenVSwitch],
) -> None:
    namespace, switch = written
    switch.replace_flows("br-int", ["one", "two"], ["group_id=4"])
    (group, _), (flows, text) = namespace.ran
    assert group[-1] == "group_id=4"
    assert "--bundle" in flows
    assert text == "one\ntwo\n"


def test_a_device_is_hidden_by_a_chain_of_its_own(written: tuple[Written, OpenVSwitch]) -> None:
    namespace, switch = written
    switch.hide_from_kernel("br-0")
    ((_, rules),) = namespace.ran
    assert rules is not None
    assert "br_0 { type filter hook ingress device br-0 priority 0; policy drop; }" in rules
