"""The Mac comes to another network: another address in its cluster, and everything goes on within seconds."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.kube.resources import NODES
from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.files import content_digest
from bronzewillow.testing.lab.joined import FILES_PORT, OUTLET, Joined
from bronzewillow.testing.lab.peers.cases import CASES, Case
from bronzewillow.testing.lab.peers.family import V4, V6, Family
from bronzewillow.testing.lab.peers.kube_proxy import TARGET_PORT
from bronzewillow.testing.lab.peers.peer import MAC_NODE, nodad
from bronzewillow.testing.lab.site import on_this_kernel

pytestmark = pytest.mark.lab

NEW = {V4: "192.0.2.22", V6: "2001:db8::22"}
SIZE = 60_000_000
RATE = "6M"
"""Bytes a second: the transfer lasts longer than the move."""


CLUSTERS = list(
    {case.name: case for case in CASES if case.families == (V4, V6) and case.place is on_this_kernel}.values()
)


@pytest.fixture
def lab(request: pytest.FixtureRequest, _joined_labs: Any) -> Joined:
    """Of its own, as it does not stay as it is."""
    case: Case = getattr(request, "param", CLUSTERS[0])
    _joined_labs.close()
    opened: Joined = _joined_labs.open(replace(case, name=f"{case.name}, which moves"))
    return opened


def move(lab: Joined) -> None:
    """As another DHCP lease would have it, and as our kubelet would tell of it."""
    for family, new in NEW.items():
        length = family.out_length
        lab.mac.ip("addr", "del", f"{family.mac_out}/{length}", "dev", "out0")
        lab.mac.ip("addr", "add", f"{new}/{length}", "dev", "out0", *nodad(family))
    found = [{"type": "InternalIP", "address": new} for new in NEW.values()]
    lab.kubectl.patch(NODES, MAC_NODE, {"status": {"addresses": found}}, part="status")


def download(lab: Joined, family: Family, to: Path) -> subprocess.Popen[bytes]:
    """From our pod to a pod on the worker, slowly."""
    url = family.url(lab.peer.mac_pods(family)[0], FILES_PORT, f"/bytes/{SIZE}")
    return lab.pod.popen("curl", "-gsSf", "-m", "300", "--limit-rate", RATE, "-o", str(to), url)


def has_begun(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 1 << 20


def is_back(lab: Joined, url: str) -> bool:
    """Once the worker's CNI has seen what was published."""
    lab.peer.follow(lab.kubectl.cluster(lab.peer.cni))
    return lab.pod.attempt("curl", "-gsSf", "-m", "5", url).returncode == 0


@pytest.mark.parametrize("lab", CLUSTERS, ids=lambda case: case.name, indirect=True)
def test_a_new_address_costs_no_connection(lab: Joined) -> None:
    folder = lab.peer.site.folder
    files = {family: folder / f"moved{family.version}" for family in NEW}
    transfers = [download(lab, family, path) for family, path in files.items()]
    for path in files.values():
        wait_until(partial(has_begun, path), "it flows")
    move(lab)
    for family in NEW:
        url = family.url(lab.peer.mac_pods(family)[0], TARGET_PORT, "/client")
        wait_until(partial(is_back, lab, url), "it is back")
        answer = lab.ask(
            lab.mac,
            family.url(lab.peer.worker_pods(family)[0], TARGET_PORT, "/client"),
            "-x",
            f"http://{OUTLET}",
        )
        assert answer["client"] == lab.peer.mac_node(family)
    for transfer, path in zip(transfers, files.values(), strict=True):
        assert transfer.wait(timeout=310) == 0
        assert lab.pod.run("sha256sum", str(path)).split()[0] == content_digest(SIZE)
    status = lab.status()
    assert [one["address"] for one in status["overlays"]] == [NEW[family] for family in lab.peer.underlays]
    assert "spoofed_inner_source" not in status["drops"], json.dumps(status["drops"])
