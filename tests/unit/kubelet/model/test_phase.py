"""Phases, from statuses."""

from __future__ import annotations

from typing import Any

import pytest

from kubelet.model.phase import phase_of

RUN: dict[str, Any] = {"state": {"running": {}}, "lastState": {}}
WAIT: dict[str, Any] = {"state": {"waiting": {}}, "lastState": {}}
BACK: dict[str, Any] = {"state": {"waiting": {}}, "lastState": {"terminated": {"exitCode": 1}}}
OK: dict[str, Any] = {"state": {"terminated": {"exitCode": 0}}, "lastState": {}}
BAD: dict[str, Any] = {"state": {"terminated": {"exitCode": 2}}, "lastState": {}}


def phase(
    policy: str, apps: list[Any], inits: list[Any] | None = None, side: Any = None, ended: bool = False
) -> str:
    names = [f"i{index}" for index in range(len(inits or []))]
    init_specs: list[dict[str, Any]] = [{"name": name} for name in names]
    statuses = dict(zip(names, inits or [], strict=True))
    if side is not None:
        init_specs.append({"name": "side", "restartPolicy": "Always"})
        statuses["side"] = side
    statuses |= {f"a{index}": one for index, one in enumerate(apps)}
    spec = {
        "restartPolicy": policy,
        "initContainers": init_specs,
        "containers": [{"name": f"a{index}"} for index in range(len(apps))],
    }
    known = {name: one for name, one in statuses.items() if one is not None}
    return phase_of({"spec": spec}, known, has_ended=ended).value


@pytest.mark.parametrize(
    ("policy", "apps", "expected"),
    [
        ("Always", [WAIT], "Pending"),
        ("Always", [RUN], "Running"),
        ("Always", [RUN, WAIT], "Pending"),
        ("Always", [RUN, BACK], "Running"),
        ("Always", [BACK], "Running"),
        ("Always", [OK], "Running"),
        ("Always", [RUN, None], "Pending"),
        ("OnFailure", [OK], "Succeeded"),
        ("OnFailure", [OK, BAD], "Running"),
        ("OnFailure", [OK, RUN], "Running"),
        ("Never", [OK], "Succeeded"),
        ("Never", [OK, BAD], "Failed"),
        ("Never", [RUN, BAD], "Running"),
        ("Never", [BAD, None], "Pending"),
    ],
)
def test_apps(policy: str, apps: list[Any], expected: str) -> None:
    assert phase(policy, apps) == expected


@pytest.mark.parametrize(
    ("policy", "inits", "app", "expected"),
    [
        ("Never", [BAD], WAIT, "Failed"),
        ("Always", [BAD], WAIT, "Pending"),
        ("Always", [RUN], WAIT, "Pending"),
        ("Always", [OK, WAIT], WAIT, "Pending"),
        ("Always", [OK, OK], RUN, "Running"),
        ("Always", [RUN], RUN, "Running"),
    ],
)
def test_init_containers(policy: str, inits: list[Any], app: Any, expected: str) -> None:
    assert phase(policy, [app], inits) == expected


@pytest.mark.parametrize(
    ("side", "app", "expected"),
    [
        (RUN, WAIT, "Pending"),
        (RUN, RUN, "Running"),
        (RUN, OK, "Running"),
        (OK, OK, "Succeeded"),
        (BAD, OK, "Succeeded"),
        (BACK, RUN, "Running"),
        (WAIT, RUN, "Pending"),
    ],
)
def test_sidecars(side: Any, app: Any, expected: str) -> None:
    assert phase("Never", [app], side=side) == expected


@pytest.mark.parametrize(
    ("apps", "expected"), [([OK], "Succeeded"), ([OK, BAD], "Failed"), ([OK, BACK], "Failed")]
)
def test_the_end_whatever_the_policy(apps: list[Any], expected: str) -> None:
    assert phase("Always", apps, ended=True) == expected
