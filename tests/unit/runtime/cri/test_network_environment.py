"""The network's word on a pod's environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.cri.network_environment import network_environment


def test_lines_of_names_and_values(tmp_path: Path) -> None:
    text = "HTTP_PROXY=http://a:b@127.0.0.1:1\nEMPTY=\nnonsense\n=x\nA=b=c\n"
    (tmp_path / "environment").write_text(text)
    assert network_environment(tmp_path) == {
        "HTTP_PROXY": "http://a:b@127.0.0.1:1", "EMPTY": "", "A": "b=c",
    }  # fmt: skip


def test_a_network_that_says_nothing(tmp_path: Path) -> None:
    assert network_environment(tmp_path / "none") == {}


def test_what_cannot_be_read_is_told_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "environment").mkdir()
    assert network_environment(tmp_path) == {}
    assert "environment: Is a directory" in caplog.text


def test_there_is_a_limit(tmp_path: Path) -> None:
    (tmp_path / "environment").write_text("A=" + "x" * 100_000)
    assert len(network_environment(tmp_path)["A"]) < 70_000
