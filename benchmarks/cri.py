"""From RunPodSandbox to the first answer of /health: what a pod's start costs beside llama.cpp's own load.

    python -m benchmarks.cri [--rounds 5] [--model FILE.gguf] [--json FILE]

A real agent and llm-containerd as processes; the image is present. The engine `echo` loads nothing, so its
rows are all that is not llama.cpp; the others are a model's, of which the load is what runm itself measures.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import re
import socket
import statistics
import time
from collections import defaultdict
from pathlib import Path

import grpc

from bronzewillow.testing.node_processes import NodeProcesses, node_processes
from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import RuntimeServiceStub
from runtime.models.smollm2 import default_folder, fetch

_LIMIT_S = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of a pod's start.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    model = arguments.model or fetch(default_folder())
    figures: defaultdict[str, list[float]] = defaultdict(list)
    with node_processes() as node:
        node.run("runtime.runm", "create", "model", "--model", str(model))
        node.start_agent()
        node.start_runtime()
        with grpc.insecure_channel(f"unix:{node.cri}") as channel:
            stub = RuntimeServiceStub(channel)
            stub.Version(api.VersionRequest(), wait_for_ready=True)
            for number in range(arguments.rounds):
                for engine in ("echo", "llama.cpp"):
                    for phase, seconds in one_start(node, stub, f"{number}-{engine}", engine).items():
                        figures[f"{engine}: {phase}, ms"].append(seconds * 1000)
    medians = {name: statistics.median(values) for name, values in figures.items()}
    for name, value in medians.items():
        print(f"{name:44} {value:8.0f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(medians, indent=1))


def one_start(node: NodeProcesses, stub: RuntimeServiceStub, name: str, engine: str) -> dict[str, float]:
    """Seconds of each phase of one pod, which is removed again."""
    times = [time.perf_counter()]
    config = api.PodSandboxConfig(metadata=api.PodSandboxMetadata(name=name, uid=name, namespace="bench"))
    pod = stub.RunPodSandbox(api.RunPodSandboxRequest(config=config)).pod_sandbox_id
    times.append(time.perf_counter())
    container = api.ContainerConfig(
        metadata=api.ContainerMetadata(name="main"),
        image=api.ImageSpec(image="model"),
        args=["--engine", "echo"] if engine == "echo" else ["--context", "512"],
    )
    request = api.CreateContainerRequest(pod_sandbox_id=pod, config=container)
    created = stub.CreateContainer(request).container_id
    times.append(time.perf_counter())
    stub.StartContainer(api.StartContainerRequest(container_id=created))
    times.append(time.perf_counter())
    path = node.runtime_folder / "p" / pod[:12] / "8080.sock"
    answered = ask(path, "/health", time.monotonic() + _LIMIT_S)
    times.append(time.perf_counter())
    while answered != 200:
        answered = ask(path, "/health", time.monotonic() + _LIMIT_S)
    times.append(time.perf_counter())
    load_s = loading(path)
    stub.RemovePodSandbox(api.RemovePodSandboxRequest(pod_sandbox_id=pod))
    phases = dict(
        zip(
            ("RunPodSandbox", "CreateContainer", "StartContainer", "first answer of /health"),
            (b - a for a, b in itertools.pairwise(times[:-1])),
            strict=True,
        )
    )
    return phases | {
        "all, to the first answer": times[4] - times[0],
        "all, to a loaded model": times[5] - times[0],
        "of it llama.cpp's load": load_s,
    }


def ask(path: Path, target: str, end_s: float) -> int:
    """The status; asked until there is one."""
    while True:
        try:
            return _get(path, target)[0]
        except OSError:
            if time.monotonic() > end_s:
                raise


def loading(path: Path) -> float:
    """Seconds that the load took, as runm tells."""
    found = re.search(r"^runm_model_load_seconds (\S+)$", _get(path, "/metrics")[1], re.MULTILINE)
    return float(found[1]) if found else 0.0


def _get(path: Path, target: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("pod")
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.connect(str(path))
        connection.request("GET", target)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


if __name__ == "__main__":
    main()
