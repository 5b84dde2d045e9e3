"""docs/rfc-coverage.md: which test shows which requirement. `make rfc-coverage` writes the page.

A test says what it shows by `@pytest.mark.rfc("9293:MUST-14")`, or `rfc("5961:3.2")` with a section of an RFC
that numbers no requirements.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bronzewillow.testing.marks import Mark, marks
from bronzewillow.testing.rfc9293 import DEVIATIONS, REQUIREMENTS

PAGE = Path("docs/rfc-coverage.md")
_LABEL = re.compile(r"(\d+):(.+)")
_NUMBERED = re.compile(r"(MUST|SHLD|REC|MAY)-\d+")
_HEAD = """# RFC coverage

Made by `make rfc-coverage` from the labels of the tests; a test compares. A requirement without a test says
why under *deviation*.

"""
_PREAMBLE = """## RFC 9293, by the numbers of its appendix B

{shown} of {total} MUST, SHOULD and RECOMMENDED are shown by a test; {deviating} deviations are listed with
their reasons ({both} of them are partly shown as well). A MAY is listed where it is done.

| requirement | what | shown by |
|---|---|---|
"""


@dataclass(frozen=True, slots=True, order=True)
class Shown:
    """One test and one of its labels."""

    rfc: int
    requirement: str
    mark: Mark


def labels(root: Path) -> list[Shown]:
    """All labels of the tests below `root`, sorted. ValueError for one that is no label."""
    found = []
    for mark in marks(root, "rfc"):
        match = _LABEL.fullmatch(mark.text)
        if match is None:
            raise ValueError(f"{mark.path}: {mark.test}: not a label: {mark.text!r}")
        found.append(Shown(int(match[1]), match[2], mark))
    return sorted(found)


def problems(shown: list[Shown]) -> list[str]:
    """Requirements of RFC 9293 with neither test nor reason, and labels that name none of them."""
    known = {label.requirement for label in shown if label.rfc == 9293 and _is_numbered(label.requirement)}
    unknown = [
        f"RFC 9293 has no {name}" for name in sorted((known | DEVIATIONS.keys()) - REQUIREMENTS.keys())
    ]
    missing = [
        f"{name} ({what}) has neither a test nor a reason"
        for name, what in REQUIREMENTS.items()
        if name not in known and name not in DEVIATIONS
    ]
    return unknown + missing


def render(shown: list[Shown]) -> str:
    """The page."""
    by_name: dict[tuple[int, str], list[Shown]] = {}
    for label in shown:
        by_name.setdefault((label.rfc, label.requirement), []).append(label)
    binding = [name for name in REQUIREMENTS if not name.startswith("MAY")]
    preamble = _PREAMBLE.format(
        shown=sum((9293, name) in by_name for name in binding),
        total=len(binding),
        deviating=len(DEVIATIONS),
        both=sum((9293, name) in by_name for name in DEVIATIONS),
    )
    rows = []
    for name, what in REQUIREMENTS.items():
        tests = [label.mark.link for label in by_name.get((9293, name), [])]
        reason = [f"*deviation:* {DEVIATIONS[name]}"] if name in DEVIATIONS else []
        rows.append(f"| {name} | {what} | {'<br>'.join(tests + reason)} |\n")
    others: dict[int, list[str]] = {}
    for (rfc, section), tests_of in sorted(by_name.items(), key=_by_section):
        if not _is_numbered(section):
            row = f"| {section} | {'<br>'.join(label.mark.link for label in tests_of)} |\n"
            others.setdefault(rfc, []).append(row)
    tables = [
        f"\n### RFC {rfc}\n\n| section | shown by |\n|---|---|\n" + "".join(of_rfc)
        for rfc, of_rfc in others.items()
    ]
    return _HEAD + preamble + "".join(rows) + "\n## By section\n" + "".join(tables)


def _is_numbered(requirement: str) -> bool:
    return _NUMBERED.fullmatch(requirement) is not None


def _by_section(item: tuple[tuple[int, str], list[Shown]]) -> tuple[int, list[int], str]:
    (rfc, section), _ = item
    return rfc, [int(number) for number in re.findall(r"\d+", section)], section


def main() -> None:
    """Write the page; run in the root of the tree."""
    root = Path.cwd()
    shown = labels(root)
    if found := problems(shown):
        raise SystemExit("\n".join(f"rfc_coverage: {problem}" for problem in found))
    (root / PAGE).write_text(render(shown), encoding="utf-8")


if __name__ == "__main__":
    main()
