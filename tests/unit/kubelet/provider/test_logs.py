"""Where logs are, and how they go."""

from __future__ import annotations

from pathlib import Path

from kubelet.provider.logs import LogFolders, log_name, remove_folders, remove_log, rotated


def test_names_are_those_of_every_node(tmp_path: Path) -> None:
    logs = LogFolders(tmp_path)
    assert logs.of_pod("n", "a", "1") == tmp_path / "pods" / "n_a_1"
    assert log_name("llm", 3) == "llm/3.log"
    assert logs.link_of("n", "a", "llm", "c1") == tmp_path / "containers" / "a_n_llm-c1.log"


def test_links_lead_to_logs_and_go_with_them(tmp_path: Path) -> None:
    logs = LogFolders(tmp_path)
    log = logs.of_pod("n", "a", "1") / "llm" / "0.log"
    log.parent.mkdir(parents=True)
    log.write_text("x")
    link = logs.link_of("n", "a", "llm", "c1")
    logs.link(link, log)
    logs.link(link, log)
    assert link.read_text() == "x"
    logs.forget_links()
    assert link.is_symlink()
    assert logs.strangers({"1"}) == []
    remove_folders(logs.strangers(set()))
    logs.forget_links()
    assert not log.exists()
    assert not link.is_symlink()


def test_a_log_goes_with_what_was_moved_away_from_it(tmp_path: Path) -> None:
    for name in ("0.log", "0.log.20260101-000000.gz", "0.log.20260102-000000", "1.log"):
        (tmp_path / name).write_text(name)
    log = tmp_path / "0.log"
    assert [path.name for path in rotated(log)] == ["0.log.20260101-000000.gz", "0.log.20260102-000000"]
    remove_log(log)
    remove_log(log)
    assert [path.name for path in tmp_path.iterdir()] == ["1.log"]


def test_there_may_be_no_folders(tmp_path: Path) -> None:
    logs = LogFolders(tmp_path / "none")
    logs.forget_links()
    assert logs.strangers(set()) == []
