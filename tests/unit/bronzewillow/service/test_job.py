from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.service.job import ServiceError, kept_environment, run, run_well, said, write_if_new


def test_a_service_looks_where_its_users_shell_does() -> None:
    shell = {
        "PATH": "/opt/homebrew/bin:/usr/bin",
        "XDG_RUNTIME_DIR": "",
        "HOME": "/h",
        "HF_TOKEN": "s",
        "no_proxy": "x",
    }
    assert kept_environment(shell) == {"PATH": "/opt/homebrew/bin:/usr/bin", "no_proxy": "x"}


def test_a_program_that_says_no_is_quoted() -> None:
    run_well("true")
    with pytest.raises(ServiceError, match=r"sh -c .*: second"):
        run_well("sh", "-c", "echo first >&2; echo second >&2; exit 1")
    assert said(run("sh", "-c", "echo only; exit 1")) == "only"
    assert said(run("false")) == "exit code 1"
    with pytest.raises(ServiceError, match="no-such-program: is not there; start `bronzewillow up`"):
        run("no-such-program")


def test_a_file_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.plist"
    assert write_if_new(path, "x")
    assert path.stat().st_mode & 0o777 == 0o600
    assert not write_if_new(path, "x")
    assert write_if_new(path, "y")
    assert path.read_text() == "y"
