from __future__ import annotations

from typing import Any

import pytest

from bronzewillow.supervise.pods_report import pods_lines

LLM: dict[str, Any] = {
    "name": "llm", "model": "tiny", "state": "serving", "message": "", "restarts": 2, "restarts_in_s": None,
    "memory_bytes": 300 << 20, "tokens_per_s": 41.52, "requests_running": 3, "requests_waiting": 0,
    "socket": "/run/p/1/8080.sock",
}  # fmt: skip

POD: dict[str, Any] = {"address": "", "ready": True, "waiting": "", "containers": []}


def test_a_line_for_each_container() -> None:
    ended = {
        **LLM, "name": "other", "state": "ended (1, Error)", "memory_bytes": 0, "tokens_per_s": None,
        "requests_running": None, "requests_waiting": None,
        "message": "a line before\nrunm: what it says\n \n",
    }  # fmt: skip
    assert pods_lines(
        [
            {**POD, "name": "d/a", "address": "10.244.7.2", "containers": [LLM, ended]},
            {**POD, "name": "d/b", "ready": False},
            {**POD, "name": "d/c", "waiting": "image none:1 is not here"},
        ]
    ) == [
        "POD  ADDRESS     CONTAINER  MODEL  STATE             RESTARTS  MEMORY   TOKENS/S  RUNNING  WAITING",
        "d/a  10.244.7.2  llm        tiny   serving           2         300 MiB  41.5      3        0",
        "d/a  10.244.7.2  other      tiny   ended (1, Error)  2         -        -         -        -",
        "d/b  -           -          -      stopped           -         -        -         -        -",
        "d/c  -           -          -      no container      -         -        -         -        -",
        "",
        "POD  WAITING",
        "d/c  image none:1 is not here",
        "",
        "POD  CONTAINER  MESSAGE",
        "d/a  other      runm: what it says",
        "",
        "POD  CONTAINER  SOCKET",
        "d/a  llm        /run/p/1/8080.sock",
    ]


def test_no_pods() -> None:
    assert pods_lines([]) == ["no pods are run here"]


@pytest.mark.parametrize(
    ("in_s", "state"),
    [(None, "ended (2, Error)"), (0.0, "ended (2, Error)"), (18.2, "ended (2, Error), again in 19 s")],
)
def test_when_a_container_is_started_again(in_s: float | None, state: str) -> None:
    ended = {**LLM, "state": "ended (2, Error)", "restarts_in_s": in_s}
    assert f"  {state}  2 " in pods_lines([{**POD, "name": "d/a", "containers": [ended]}])[1]
