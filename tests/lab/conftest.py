"""The labs that tests stand in, and their logs when a test fails."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bronzewillow.testing.lab.dual_stack import DualStack, add_dual_stack, render_dual_stack
from bronzewillow.testing.lab.features import ENVIRONMENT_VARIABLE, Verdict, missing, verdict
from bronzewillow.testing.lab.node import FILES, TCP_PORT, Node, Running
from bronzewillow.testing.lab.plan import Plan, Style
from bronzewillow.testing.lab.relay import Impairment
from bronzewillow.testing.lab.topology import build

FILES_PORT = f'[{{ port = {TCP_PORT}, upstream = "tcp:{FILES}", protocol = "tcp" }}]'
_nodes: list[Node] = []
"""Those that run now."""


def require(*features: str) -> None:
    """Skip or fail where one of `features` cannot be had."""
    for feature in features:
        reason = missing(feature)
        match verdict(feature, reason, os.environ):
            case Verdict.SKIP:
                pytest.skip(f"{feature}: {reason}")
            case Verdict.FAIL:
                pytest.fail(f"{feature} is required (LAB_REQUIRE): {reason}", pytrace=False)
            case Verdict.RUN:
                pass


@contextmanager
def _run_node(
    plan: Plan = Plan(),  # noqa: B008  # a frozen value
    *,
    model: bool = True,
    impairment: Impairment | None = None,
    dual_stack: DualStack | None = None,
) -> Iterator[Node]:
    """A lab with the agent, the file server and, if wanted, the model; or an underlay of IPv6."""
    if dual_stack is not None:
        require("ipv6")
    if plan.style is Style.CALICO:
        require("ipset")
    with build(plan) as topology:
        text: str | None = None
        if dual_stack is not None:
            add_dual_stack(topology, dual_stack)
            text = render_dual_stack(plan, dual_stack, FILES_PORT)
        node = Node(topology, Path(os.environ[ENVIRONMENT_VARIABLE]))
        node.prepare()
        _nodes.append(node)
        try:
            if impairment is not None:
                node.start_relay(impairment)
            if model:
                node.start_model()
            node.start_files()
            node.start_agent(text=text)
            yield node
        finally:
            _nodes.remove(node)


@pytest.fixture(scope="session")
def running() -> Running:
    """Makes a lab with the product in it; tests that break things make their own."""
    require("netns", "vxlan", "environment", "curl", "ping", "tcpdump")
    return _run_node


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Network namespaces and kernel VXLAN, without the product."""
    require("netns", "vxlan", "curl", "ping", "tcpdump")


@pytest.fixture(scope="session")
def node(running: Running) -> Iterator[Node]:
    """One lab for all tests that leave it as it was: Flannel's style, a real cable."""
    with running() as node:
        yield node


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for node in _nodes:
            for child in node.children:
                report.sections.append((f"{child.name} ({node.topology.plan})", child.tail()))
    return report
