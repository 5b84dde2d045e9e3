"""One line of a diagnosis. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad a finding is."""

    GOOD = "good"
    WARNING = "warning"
    """It works, and not as well as it could."""
    BROKEN = "broken"
    """It does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    subject: str
    """What was looked at."""
    text: str
    """What was found."""
    cure: str = ""
    """What to do about it; empty where there is nothing to do."""

    def __str__(self) -> str:
        cure = f"; {self.cure}" if self.cure else ""
        return f"{self.verdict.value:8} {self.subject}: {self.text}{cure}"


def is_healthy(findings: Sequence[Finding]) -> bool:
    """Whether nothing is broken."""
    return all(one.verdict is not Verdict.BROKEN for one in findings)
