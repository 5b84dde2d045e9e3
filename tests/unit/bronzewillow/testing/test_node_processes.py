from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bronzewillow.testing.node_processes import NODE_CIDR, NODE_CIDR_V6, kill, kill_all, node_processes

pytestmark = pytest.mark.loopback


def test_an_agent_that_is_killed_and_started_again() -> None:
    with node_processes() as node:
        for _ in range(2):
            node.start_agent()
            status = json.loads(node.run("bronzewillow", "status", "--json"))
            assert status["overlays"][0]["pod_cidrs"] == [NODE_CIDR]
            kill(node.agent)
        with pytest.raises(RuntimeError, match="status"):
            node.run("bronzewillow", "status")
        assert "ready" in node.log("agent")
        folder = node.folder
    assert not folder.exists()


@pytest.mark.ipv6
def test_an_agent_of_both_families() -> None:
    with node_processes() as node:
        node.start_agent(dual_stack=True)
        status = json.loads(node.run("bronzewillow", "status", "--json"))
        assert [one["pod_cidrs"] for one in status["overlays"]] == [[NODE_CIDR], [NODE_CIDR_V6]]


def test_one_that_does_not_start() -> None:
    with node_processes("--dance") as node, pytest.raises(RuntimeError, match="--dance"):
        node.start_runtime()
    assert not Path(node.folder).exists()


def test_what_is_left_is_ended_and_may_end_before() -> None:
    with node_processes() as node:
        begins_another = "import subprocess, sys; subprocess.Popen([sys.executable, *sys.argv[1:]]).wait()"
        sleeps = "import sys; print(flush=True); sys.stdin.read()"
        command = [sys.executable, "-c", begins_another, "-c", sleeps, str(node.folder)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdout.readline() == b"\n"  # both have their words
            assert process.pid in [one.pid for one in node.left_processes()]
            assert process.stdin is not None
            process.stdin.close()
            assert node.until_left() == []
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            kill_all(node.left_processes)
            assert node.left_processes() == []
            process.wait()
