"""Reload, drain, crash and return, while somebody is being served."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bronzewillow.testing.lab.calls import MODEL, answer, chat, events, status_code, stream
from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.config import OtherPeer, Pod
from bronzewillow.testing.lab.netns import NOBODY, LabError
from bronzewillow.testing.lab.node import Node, Running
from bronzewillow.testing.lab.plan import MAC_POD, MAC_SECOND_POD

pytestmark = pytest.mark.lab

LONG = 100
"""Tokens of an answer that has more than begun when its first have come."""


@pytest.fixture
def own(running: Running) -> Iterator[Node]:
    """A lab that a test may break."""
    with running() as node:
        yield node


def begun(answering: subprocess.Popen[bytes]) -> bytes:
    """Waits for the first bytes of an answer."""
    assert answering.stdout is not None
    return answering.stdout.readline()


@contextmanager
def model_stands_still(node: Node) -> Iterator[None]:
    """No answer ends meanwhile."""
    model = next(child for child in node.children if child.name == "runm")
    model.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        model.signal(signal.SIGCONT)


def test_the_agent_runs_without_any_privilege(node: Node) -> None:
    for child in node.children:
        if child.name in ("agent", "runm"):
            for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                assert int(child.status_field(field), 16) == 0, (child.name, field)
            assert child.status_field("Uid").split() == [str(NOBODY)] * 4
            assert child.status_field("Gid").split() == [str(NOBODY)] * 4
            assert child.status_field("Groups") == ""
            assert child.status_field("NoNewPrivs") == "1"


def test_nothing_was_added_to_the_macs_namespace(node: Node) -> None:
    """No TUN device, no address, no route: only the UDP socket. (A kernel may put tunnels there, down.)"""
    links = node.topology.mac.run("ip", "-o", "link", "show", "up").splitlines()
    assert [line.split(": ")[1].split("@")[0] for line in links] == ["lo", "out0"]
    assert MAC_POD not in node.topology.mac.run("ip", "-o", "addr")
    assert node.topology.mac.run("ss", "-Hlun").count("\n") == 1


def test_reload_keeps_streams_and_adds_pods(own: Node) -> None:
    pod = own.topology.pod
    answering = stream(pod, LONG)
    first = begun(answering)
    second = own.pod("default/model-1", MAC_SECOND_POD)
    with model_stands_still(own):
        own.reload(
            [own.pod(), second], [OtherPeer("worker-2", "192.0.2.9", "02:aa:aa:aa:aa:09", "10.244.9.0/24")]
        )
        assert answering.poll() is None, "the answer was over before the reload"
    pod.ping(MAC_SECOND_POD)
    pod.run("curl", "-sSf", "-m", "25", f"http://{MAC_SECOND_POD}:8080/v1/models")
    assert [peer["name"] for peer in own.status()["peers"]] == ["worker-1", "worker-2"]
    rest, errors = answering.communicate(timeout=130)
    assert answering.returncode == 0, errors
    assert len(events((first + rest).decode())) > 20
    own.reload([own.pod()])
    assert pod.attempt("ping", "-c", "1", "-W", "1", MAC_SECOND_POD).returncode == 1
    chat(pod)


def test_a_broken_configuration_changes_nothing(own: Node) -> None:
    assert own.agent is not None
    agent = own.agent
    wrong = [Pod("default/far", "10.99.0.1", own.pod().ports)]
    with pytest.raises(LabError, match="pod_cidr"):
        own.reload(wrong)
    own.config.write_text("[overlay\n")
    count = agent.log.count("not reloaded:")
    agent.signal(signal.SIGHUP)
    wait_until(lambda: agent.log.count("not reloaded:") > count, "the agent has refused the file")
    chat(own.topology.pod)


def test_sigterm_lets_answers_end(own: Node) -> None:
    assert own.agent is not None
    own.agent.kill()
    own.start_agent((), "--drain", "120")  # a busy machine takes its time for the answer
    pod, whole = own.topology.pod, answer(chat(own.topology.pod, LONG))
    answering = stream(pod, LONG)
    first = begun(answering)
    with model_stands_still(own):
        own.agent.signal(signal.SIGTERM)
        own.agent.wait_line("ending: ")
        wait_until(lambda: status_code(pod) in (0, 503), "new calls are refused")
        assert answering.poll() is None, "the answer was over before the drain"
    rest, errors = answering.communicate(timeout=130)
    assert answering.returncode == 0, errors
    assert answer(events((first + rest).decode())) == whole
    assert own.agent.process.wait(timeout=60) == 0
    assert "Traceback" not in own.agent.log
    assert not own.control.exists()


def test_the_agent_returns_to_the_same_address(own: Node) -> None:
    assert own.agent is not None
    own.agent.kill()
    assert status_code(own.topology.pod) == 0
    own.start_agent()
    chat(own.topology.pod)


def test_a_killed_model_is_an_error_and_then_returns(own: Node) -> None:
    pod = own.topology.pod
    model = next(child for child in own.children if child.name == "runm")
    answering = stream(pod, 3 * LONG)
    begun(answering)
    model.kill()
    rest, _ = answering.communicate(timeout=130)
    # The client must be able to tell that the answer is cut: an error event, or a transfer cut short.
    assert answering.returncode in (18, 56) or b'"error"' in rest, (answering.returncode, rest[-300:])
    assert not rest.rstrip().endswith(b"data: [DONE]") or b'"error"' in rest
    assert status_code(pod) == 503
    refusal = pod.run("curl", "-sS", "-m", "10", "-i", f"{MODEL}/v1/models")
    assert "retry-after:" in refusal.lower()
    assert '"error"' in refusal
    own.start_model()
    wait_until(lambda: status_code(pod) == 200, "the model serves again")
    chat(pod)


def test_a_client_that_goes_away_frees_the_model(own: Node) -> None:
    pod = own.topology.pod
    answering = [stream(pod, 400) for _ in range(4)]
    for one in answering:
        begun(one)
    for one in answering:
        one.kill()
        one.communicate()
    wait_until(lambda: own.status()["transports"] == 0, "the agent has let go")
    chat(pod, 4)
