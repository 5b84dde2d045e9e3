"""The labs that tests stand in, and their logs when a test fails."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from bronzewillow.testing.lab.dual_stack import DualStack, add_dual_stack, render_dual_stack
from bronzewillow.testing.lab.features import ENVIRONMENT_VARIABLE, Verdict, missing, verdict
from bronzewillow.testing.lab.joined import Joined, joined
from bronzewillow.testing.lab.node import FILES, TCP_PORT, Node, Running
from bronzewillow.testing.lab.peers.cases import CASES, Case, Placed
from bronzewillow.testing.lab.plan import Plan, Style
from bronzewillow.testing.lab.programs import Programs
from bronzewillow.testing.lab.relay import Impairment
from bronzewillow.testing.lab.topology import build

FILES_PORT = f'[{{ port = {TCP_PORT}, upstream = "tcp:{FILES}", protocol = "tcp" }}]'
SERVE_CLUSTER = Path(__file__).with_name("serve_cluster.py")
_nodes: list[Programs] = []
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


class _JoinedLabs:
    """Keeps a lab for the next case, which may want another family of it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._kept: tuple[object, Joined] | None = None

    def open(self, case: Case) -> Joined:
        cluster = case.name, case.families
        if self._kept is None or self._kept[0] != cluster:
            self.close()
            require(*case.features)
            environment = Path(os.environ[ENVIRONMENT_VARIABLE])
            opening = joined(
                case.make_peer, case.families, environment, SERVE_CLUSTER, _nodes.append, case.place
            )
            self._kept = cluster, self._stack.enter_context(opening)
        return self._kept[1]

    def close(self) -> None:
        if self._kept is not None:
            _nodes.remove(self._kept[1])
            self._kept = None
        self._stack.close()


@pytest.fixture(scope="session")
def _joined_labs(running: Running) -> Iterator[_JoinedLabs]:
    labs = _JoinedLabs()
    yield labs
    labs.close()


def _as_parameter(case: Case) -> ParameterSet:
    in_guest = "uml" in case.make_peer.features
    return pytest.param(case, id=str(case), marks=[pytest.mark.uml] if in_guest else [])


@pytest.fixture(scope="session", params=map(_as_parameter, CASES))
def placed(request: pytest.FixtureRequest, _joined_labs: _JoinedLabs) -> Placed:
    """A Mac in the cluster of a CNI, and one family of its pods."""
    case: Case = request.param
    return Placed(_joined_labs.open(case), case.family)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is marked with the beginnings of clusters' names is not for the others. One lab at a time."""
    others = [item for item in items if not _is_for_its_cni(item)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
    clusters = [(case.name, case.families) for case in CASES]

    def number(item: pytest.Item) -> int:
        case = _case_of(item)
        return clusters.index((case.name, case.families)) if case is not None else -1

    items.sort(key=number)


def _case_of(item: pytest.Item) -> Case | None:
    case = item.callspec.params.get("placed") if hasattr(item, "callspec") else None
    return case if isinstance(case, Case) else None


def _is_for_its_cni(item: pytest.Item) -> bool:
    mark, case = item.get_closest_marker("cni"), _case_of(item)
    return mark is None or case is None or case.name.startswith(mark.args)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for node in _nodes:
            for child in node.children:
                report.sections.append((f"{child.name} ({node})", child.tail()))
    return report
