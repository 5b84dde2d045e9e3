"""A property list that launchd takes, and what launchctl is told; launchctl is a stand-in here."""

from __future__ import annotations

import os
import plistlib
from collections.abc import Callable
from pathlib import Path

import pytest

from bronzewillow.service.job import Job, ServiceError
from bronzewillow.service.launchd import LABEL, LaunchAgent

from .conftest import Programs

JOB = Job(
    ("/opt/b w/bin/bronzewillow", "up", "--outlet", "127.0.0.1:1080"),
    {"PATH": "/usr/bin", "NO_PROXY": "<a&b>"},
)
DOMAIN = f"gui/{os.getuid()}"
SERVICE = f"{DOMAIN}/{LABEL}"
# what is loaded is a file; a job takes two looks until it has ended
LAUNCHCTL = f"""
case "$1 $2" in
"print {DOMAIN}") test ! -e $D/no-session ;;
"print {SERVICE}") test -e $D/ending && {{ rm $D/ending; exit 0; }}; test -e $D/loaded ;;
bootstrap*) test ! -e $D/loaded && test ! -e $D/ending || {{ echo "Bootstrap failed: 5" >&2; exit 5; }}
  touch $D/loaded ;;
bootout*) test -e $D/stuck || rm -f $D/loaded; touch $D/ending; echo "Boot-out failed: 36" >&2; exit 36 ;;
esac
"""


@pytest.fixture
def agent(tmp_path: Path, programs: Programs, no_wait: Callable[[float], None]) -> LaunchAgent:
    programs.make("launchctl", LAUNCHCTL)
    return LaunchAgent(tmp_path / "home", no_wait)


def test_the_property_list(agent: LaunchAgent, tmp_path: Path) -> None:
    found = plistlib.loads(agent.text(JOB).encode())
    logs = tmp_path / "home/Library/Logs/bronzewillow"
    assert found["Label"] == LABEL
    assert found["ProgramArguments"] == [*JOB.command, "--log-file", str(logs / "node.log")]
    assert found["EnvironmentVariables"] == JOB.environment
    assert (found["RunAtLoad"], found["KeepAlive"]) == (True, {"SuccessfulExit": False})
    assert (found["ProcessType"], found["LimitLoadToSessionType"]) == ("Interactive", "Aqua")
    assert found["StandardErrorPath"] == found["StandardOutPath"] == str(logs / "launchd.log")
    assert found["SoftResourceLimits"]["NumberOfFiles"] > 256
    assert found["AbandonProcessGroup"]
    assert (found["ThrottleInterval"], found["ExitTimeOut"], found["Umask"]) == (10, 60, 0o077)


def test_install_loads_it_once(agent: LaunchAgent, programs: Programs, tmp_path: Path) -> None:
    plist = tmp_path / "home/Library/LaunchAgents" / f"{LABEL}.plist"
    assert not agent.is_installed()
    assert agent.install(JOB)
    assert agent.is_installed()
    assert plistlib.loads(plist.read_bytes())["ProgramArguments"][0] == JOB.command[0]
    assert plist.parent.parent.joinpath("Logs/bronzewillow").is_dir()
    assert programs.calls() == [
        f"launchctl print {DOMAIN}",
        f"launchctl print {SERVICE}",
        f"launchctl enable {SERVICE}",
        f"launchctl bootstrap {DOMAIN} {plist}",
    ]
    assert not agent.install(JOB)
    assert not any("bootstrap" in call for call in programs.calls())


def test_what_is_another_takes_the_place_of_what_was_once_that_has_ended(
    agent: LaunchAgent, programs: Programs
) -> None:
    agent.install(JOB)
    programs.calls()
    assert agent.install(Job(("/b", "up")))
    verbs = [call.split()[1] for call in programs.calls()]
    assert verbs == ["print", "print", "print", "bootout", "print", "print", "enable", "bootstrap"]


def test_one_that_does_not_end_is_told(agent: LaunchAgent, programs: Programs) -> None:
    agent.install(JOB)
    (programs.folder / "stuck").touch()
    with pytest.raises(ServiceError, match=rf"{LABEL}: does not end \(Boot-out failed: 36\); try again"):
        agent.uninstall()


def test_without_a_session_there_is_no_service(agent: LaunchAgent, programs: Programs) -> None:
    (programs.folder / "no-session").touch()
    with pytest.raises(ServiceError, match="no login session of this user is there: log in at"):
        agent.install(JOB)
    assert not agent.is_installed()


def test_restart_and_uninstall(agent: LaunchAgent, programs: Programs) -> None:
    agent.install(JOB)
    programs.calls()
    agent.restart()
    assert programs.calls()[-1] == f"launchctl kickstart -k {SERVICE}"
    assert agent.uninstall()
    assert not agent.is_installed()
    assert not agent.uninstall()


def test_one_that_somebody_has_unloaded_is_loaded_again(agent: LaunchAgent, programs: Programs) -> None:
    agent.install(JOB)
    (programs.folder / "loaded").unlink()
    agent.restart()
    assert programs.calls()[-1].startswith(f"launchctl bootstrap {DOMAIN} ")


def test_a_mac_that_nobody_sits_at_has_to_log_in(agent: LaunchAgent) -> None:
    assert any("FileVault" in hint for hint in agent.hints(JOB))
    assert agent.log_hint.endswith("Library/Logs/bronzewillow/node.log")


def test_folders_that_macos_guards_are_told(agent: LaunchAgent, tmp_path: Path) -> None:
    home = tmp_path / "home"
    checkout, pods = f"{home}/Documents/b/.venv/bin/bronzewillow", f"{home}/Desktop/pods"
    there = Job((checkout, "up", "--manifests", pods, "--root", f"{home}/Documents2"))
    assert [hint.partition(": ")[0] for hint in agent.hints(there)[:2]] == [checkout, pods]
    assert agent.hints(there)[2:] == agent.hints(JOB)
