"""The documents keep their word: examples parse, links lead somewhere, no key is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bronzewillow.agent.config import ConfigError, parse_config
from bronzewillow.agent.fields import Table
from bronzewillow.testing.commands_page import commands, options

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]+")
OF_OTHERS = {"--help", "--rounds"} | {  # kubectl, kubeadm, kube-apiserver, ctr, curl and their like
    *(
        "--grace-period",
        "--kubelet-certificate-authority",
        "--platform",
        "--previous",
        "--print-join-command",
    ),
    *("--runtime", "--unix-socket", "--user"),
}
LINK = re.compile(r"\[[^\]]*\]\(([^)#]*)(#[^)]*)?\)")


def examples(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def test_examples_are_files_that_the_agent_takes() -> None:
    found = examples("docs/configuration.md", "toml")
    assert found and all(parse_config(example, "page", "mac-1").pods for example in found)


def test_quoted_errors_are_the_ones_that_wrong_files_get() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    pairs = re.findall(r"^```toml wrong\n(.*?)^```\n\n```\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(pairs) == page.count("```toml wrong") == 2
    for wrong, quoted in pairs:
        with pytest.raises(ConfigError) as caught:
            parse_config(wrong, "node.toml", "mac-1")
        assert [f"bronzewillow: {problem}" for problem in caught.value.problems] == quoted.splitlines()


def test_every_key_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    known: set[str] = set()
    refuse = Table.refuse_unknown

    def noting(table: Table) -> None:
        known.update(table._known)
        refuse(table)

    monkeypatch.setattr(Table, "refuse_unknown", noting)
    for example in examples("docs/configuration.md", "toml"):
        parse_config(example, "page", "mac-1")
    assert {"encap", "pod_cidrs", "upstream"} < known
    page = (ROOT / "docs/configuration.md").read_text()
    described = set(re.findall(r"^\| `(?:ports\[\]\.)?(\w+)` \|", page, re.MULTILINE))
    assert known - {"overlay", "peers", "pods", "tcp"} == described & known


def test_the_lab_has_the_tests_that_its_page_names() -> None:
    page, file = (ROOT / "docs/lab.md").read_text(), ""
    named: list[tuple[str, str]] = []
    for word in re.findall(r"`(?:(\w+\.py)::)?(test_\w+)`", page):
        file = word[0] or file
        named.append((file, word[1]))
    assert len(named) > 20
    missing = [
        f"{name}::{test}"
        for name, test in named
        if f"def {test}(" not in (ROOT / "tests/lab" / name).read_text()
    ]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_an_option_that_is_named_is_there(page: Path) -> None:
    known = {name for _, command in commands() for one in options(command) for name in one.opts}
    known |= {name for _, command in commands() for one in options(command) for name in one.secondary_opts}
    assert set(OPTION.findall(page.read_text())) <= known | OF_OTHERS


def anchors(page: Path) -> set[str]:
    """What GitHub calls the page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_to_headings_in_them(page: Path) -> None:
    broken = []
    for target, anchor in LINK.findall(page.read_text()):
        if "://" in target:
            continue
        file = page.parent / target if target else page
        if not file.exists() or (anchor and anchor[1:] not in anchors(file)):
            broken.append(target + anchor)
    assert not broken


def test_every_page_is_found_from_the_readme() -> None:
    linked = {(ROOT / target).resolve() for target, _ in LINK.findall((ROOT / "README.md").read_text())}
    assert linked.issuperset((ROOT / "docs").glob("*.md"))
