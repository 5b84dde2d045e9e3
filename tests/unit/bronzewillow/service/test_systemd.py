"""A unit that systemd takes, and what systemctl is told; systemctl is a stand-in here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bronzewillow.service.job import Job, ServiceError
from bronzewillow.service.systemd import UNIT, SystemdUnit, unit

from .conftest import Programs

SYSTEMCTL = """
case "$2" in
show-environment) test ! -e $D/no-manager || { echo "Failed to connect to bus" >&2; exit 1; } ;;
is-active) test -e $D/active ;;
restart) touch $D/active ;;
disable) rm $D/active ;;
esac
"""
JOB = Job(("/opt/b w/bin/bronzewillow", "up", "--node-name", "50%$x"), {"PATH": "/usr/bin", "A": 'b"c\\d'})


@pytest.fixture
def service(tmp_path: Path, programs: Programs) -> SystemdUnit:
    programs.make("systemctl", SYSTEMCTL)
    programs.make("loginctl", "cat $D/linger 2>/dev/null || echo no")
    return SystemdUnit(tmp_path / "home", {})


def test_the_unit_file() -> None:
    lines = unit(JOB).splitlines()
    assert 'ExecStart="/opt/b w/bin/bronzewillow" "up" "--node-name" "50%%$$x"' in lines
    assert 'Environment="A=b\\"c\\\\d"' in lines
    assert {"Type=notify", "Restart=on-failure", "KillMode=process", "WantedBy=default.target"} <= set(lines)


def test_systemd_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd-analyze is not here")
    path = tmp_path / UNIT
    path.write_text(unit(Job(("/bin/true", "50%$x"), {"A": 'b"c\\d %h'})))
    done = subprocess.run(
        [verify, "--user", "verify", path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if UNIT in line]) == (0, [])


def test_install_starts_it_once(service: SystemdUnit, programs: Programs, tmp_path: Path) -> None:
    assert service.install(JOB)
    assert (tmp_path / "home/.config/systemd/user" / UNIT).read_text() == unit(JOB)
    assert programs.calls() == [
        "systemctl --user show-environment",
        "systemctl --user daemon-reload",
        f"systemctl --user enable {UNIT}",
        f"systemctl --user restart --no-block {UNIT}",
    ]
    assert not service.install(JOB)
    assert programs.calls()[-1] == f"systemctl --user is-active {UNIT}"
    assert service.install(Job(("/b", "up")))
    assert programs.calls()[-1] == f"systemctl --user restart --no-block {UNIT}"


def test_one_that_has_ended_is_started_by_another_install(service: SystemdUnit, programs: Programs) -> None:
    service.install(JOB)
    (programs.folder / "active").unlink()
    assert service.install(JOB)


def test_without_a_user_manager_there_is_no_service(service: SystemdUnit, programs: Programs) -> None:
    (programs.folder / "no-manager").touch()
    with pytest.raises(ServiceError, match=r"no user manager .*to bus\): log in as this user, rather"):
        service.install(JOB)
    assert not service.is_installed()


def test_uninstall_ends_and_removes_it(service: SystemdUnit, programs: Programs) -> None:
    assert not service.uninstall()
    service.install(JOB)
    programs.calls()
    assert service.uninstall()
    assert not service.is_installed()
    assert programs.calls()[1:] == [
        f"systemctl --user disable --now {UNIT}",
        "systemctl --user daemon-reload",
    ]


def test_who_does_not_linger_is_told(service: SystemdUnit, programs: Programs) -> None:
    (hint,) = service.hints(JOB)
    assert "loginctl enable-linger" in hint
    (programs.folder / "linger").write_text("yes\n")
    assert service.hints(JOB) == []


def test_the_sessions_own_runtime_folder_is_left_to_systemd(tmp_path: Path) -> None:
    service = SystemdUnit(tmp_path, {"XDG_CONFIG_HOME": str(tmp_path / "c")})
    own, other = f"/run/user/{os.getuid()}", "/run/other"
    assert "XDG_RUNTIME_DIR" not in service.text(Job(("/b",), {"XDG_RUNTIME_DIR": own}))
    assert "XDG_RUNTIME_DIR=/run/other" in service.text(Job(("/b",), {"XDG_RUNTIME_DIR": other}))
