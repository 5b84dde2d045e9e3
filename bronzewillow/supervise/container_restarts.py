"""When a container that has ended is started again, by what its annotations say. Pure.

Whoever starts containers decides that; `llm-static-pods` writes it on each as it is made.
"""

from __future__ import annotations

from collections.abc import Mapping

POLICY, WAIT_S = "bronzewillow.io/restart-policy", "bronzewillow.io/restart-wait-s"
_NS_PER_S = 1_000_000_000
_LONG_RUN_NS = 600 * _NS_PER_S
"""After which a container is started again without a wait."""


def restarts_in_s(
    annotations: Mapping[str, str], exit_code: int, started_ns: int, finished_ns: int, now_ns: int
) -> float | None:
    """Of one that has ended; times are since 1970. None when it is not started again, or nobody said so."""
    policy, wait = annotations.get(POLICY, ""), annotations.get(WAIT_S, "")
    if policy != "Always" and (policy != "OnFailure" or exit_code == 0):
        return None
    if not (wait.isascii() and wait.isdecimal() and len(wait) < 6):
        return None
    if finished_ns - started_ns > _LONG_RUN_NS:
        return 0.0
    return max(0.0, (min(finished_ns, now_ns) - now_ns) / _NS_PER_S + int(wait))
