"""A real model as a pod: it loads behind a startup probe, and answers over the way that probes take."""

from __future__ import annotations

import asyncio
import json

import pytest

from bronzewillow.kube.resources import PODS
from bronzewillow.testing.node_processes import NodeProcesses
from runtime.models.smollm2 import FILE_NAME, default_folder

from .conftest import STORY_S, cluster, first, is_ready, pod

pytestmark = pytest.mark.e2e
HEALTH = {"httpGet": {"path": "/health", "port": "http"}, "timeoutSeconds": 10}


def test_a_model_serves_once_it_is_ready(processes: NodeProcesses) -> None:
    path = default_folder() / FILE_NAME
    if not path.is_file():
        pytest.skip("no model: run python -m runtime.models.smollm2")
    processes.run("runtime.runm", "create", "smol", "--model", str(path))

    async def main() -> None:
        async with asyncio.timeout(STORY_S), cluster(processes) as found, found.shell() as shell:
            container = {
                "image": "smol",
                "args": ["--context", "512"],
                "startupProbe": {**HEALTH, "periodSeconds": 1, "failureThreshold": 200},
                "readinessProbe": HEALTH,
                "livenessProbe": HEALTH,
            }
            await found.admin.create(PODS, pod("smol", container=container))
            ready = await found.until("smol", is_ready)
            assert first(ready)["restartCount"] == 0
            body = json.dumps({"model": "smol", "prompt": "Once upon a time", "max_tokens": 8})
            head = f"POST /v1/completions HTTP/1.1\r\nHost: smol\r\nContent-Length: {len(body)}\r\n"
            reader, writer = await shell.door.open(ready["status"]["podIP"], 8080)
            writer.write(f"{head}Content-Type: application/json\r\nConnection: close\r\n\r\n{body}".encode())
            answer, _, content = (await reader.read()).partition(b"\r\n\r\n")
            writer.transport.abort()
            assert answer.startswith(b"HTTP/1.1 200 "), answer
            assert json.loads(content)["choices"][0]["text"].strip()
            await found.admin.delete(PODS, "smol", "default")
            await found.until_gone("smol")

    asyncio.run(main())
