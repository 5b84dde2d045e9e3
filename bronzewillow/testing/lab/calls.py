"""What a pod does to reach the model: curl, as a user would type it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from bronzewillow.testing.lab.netns import Namespace
from bronzewillow.testing.lab.node import HTTP_PORT, TCP_PORT
from bronzewillow.testing.lab.plan import MAC_POD

MODEL = f"http://{MAC_POD}:{HTTP_PORT}"
FILES = f"http://{MAC_POD}:{TCP_PORT}"
JSON_TYPE = ("-H", "Content-Type: application/json")


def chat_body(max_tokens: int = 16, *, stream: bool = True, text: str = "Count from one to ten.") -> str:
    """The body of a chat completion."""
    message = {"role": "user", "content": text}
    return json.dumps(
        {
            "model": "smollm2",
            "max_tokens": max_tokens,
            "stream": stream,
            "temperature": 0,
            "messages": [message],
        }
    )


def chat(pod: Namespace, max_tokens: int = 16) -> list[dict[str, Any]]:
    """The chunks of a streamed answer, which must end as OpenAI's do."""
    argv = (
        "curl",
        "-sSfN",
        "-m",
        "120",
        f"{MODEL}/v1/chat/completions",
        *JSON_TYPE,
        "-d",
        chat_body(max_tokens),
    )
    return events(pod.run(*argv, timeout_s=130))


def events(text: str) -> list[dict[str, Any]]:
    """The JSON of each server-sent event; the last one must be [DONE]."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert lines, text
    assert lines[-1] == "[DONE]", text[-300:]
    return [json.loads(line) for line in lines[:-1]]


def answer(chunks: list[dict[str, Any]]) -> str:
    """The text of a streamed answer."""
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def stream(pod: Namespace, max_tokens: int) -> subprocess.Popen[bytes]:
    """A streamed answer that runs while the test does something else."""
    argv = ("curl", "-sSN", "-m", "120", f"{MODEL}/v1/chat/completions", *JSON_TYPE)
    return pod.popen(*argv, "-d", chat_body(max_tokens), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def status_code(pod: Namespace, path: str = "/v1/models") -> int:
    """The HTTP status of a GET; 0 when no answer comes."""
    argv = ("curl", "-s", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", f"{MODEL}{path}")
    return int(pod.attempt(*argv).stdout)
