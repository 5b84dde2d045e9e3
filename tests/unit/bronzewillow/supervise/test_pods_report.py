from __future__ import annotations

from typing import Any

from bronzewillow.supervise.pods_report import pods_lines

LLM: dict[str, Any] = {
    "name": "llm", "model": "tiny", "state": "serving", "restarts": 2, "memory_bytes": 300 << 20,
    "tokens_per_s": 41.52, "requests_running": 3, "requests_waiting": 0, "socket": "/run/p/1/8080.sock",
}  # fmt: skip

POD: dict[str, Any] = {"address": "", "ready": True, "waiting": "", "containers": []}


def test_a_line_for_each_container() -> None:
    ended = {
        **LLM, "state": "ended (1, Error)", "memory_bytes": 0, "tokens_per_s": None,
        "requests_running": None, "requests_waiting": None,
    }  # fmt: skip
    assert pods_lines(
        [
            {**POD, "name": "default/a", "address": "10.244.7.2", "containers": [LLM, ended]},
            {**POD, "name": "default/b", "ready": False},
            {**POD, "name": "default/c", "waiting": "image none:1 is not here"},
        ]
    ) == [
        "POD        ADDRESS     MODEL  STATE             RESTARTS  MEMORY   TOKENS/S  RUNNING  WAITING",
        "default/a  10.244.7.2  tiny   serving           2         300 MiB  41.5      3        0",
        "default/a  10.244.7.2  tiny   ended (1, Error)  2         -        -         -        -",
        "default/b  -           -      stopped           -         -        -         -        -",
        "default/c  -           -      no container      -         -        -         -        -",
        "",
        "POD        WAITING",
        "default/c  image none:1 is not here",
        "",
        "POD        SOCKET",
        "default/a  /run/p/1/8080.sock",
    ]


def test_no_pods() -> None:
    assert pods_lines([]) == ["no pods are run here"]
