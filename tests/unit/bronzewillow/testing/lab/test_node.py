from __future__ import annotations

from pathlib import Path

from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.node import Node
from bronzewillow.testing.lab.plan import MAC_POD, Plan
from bronzewillow.testing.lab.topology import Topology


def node(folder: Path) -> Node:
    worker, mac, pod = (Namespace(f"bw1n1-{name}") for name in ("worker", "mac", "pod1"))
    return Node(Topology(Plan(), folder, worker, mac, (pod,), None), folder)


def test_the_usual_pod_has_the_model_and_the_files(tmp_path: Path) -> None:
    pod = node(tmp_path).pod()
    assert pod.address == MAC_POD
    assert [(port.number, port.protocol) for port in pod.ports] == [(8080, "http"), (9000, "tcp")]
    assert pod.ports[0].upstream == f"unix:{tmp_path}/run/runm.sock"
