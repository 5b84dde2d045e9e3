from __future__ import annotations

import os

from bronzewillow.doctor.mac_tools import ask, check_mac, running_program


def test_a_tool_that_is_not_there_or_fails_says_nothing() -> None:
    assert ask("no-such-tool") == ""
    assert ask("sh", "-c", "echo x; exit 1") == ""
    assert ask("echo", "x") == "x\n"


def test_tools_are_asked_as_their_manuals_have_it() -> None:
    said = {
        "pmset -g": " sleep 0\n autorestart 1\n",
        "fdesetup status": "FileVault is Off.",
        "defaults read /Library/Preferences/com.apple.loginwindow autoLoginUser": "llm",
        "sw_vers -productVersion": "15.1",
        "/usr/libexec/ApplicationFirewall/socketfilterfw --getglobalstate": "(State = 0)",
        "sysctl -n iogpu.wired_limit_mb": "0",
        "sysctl -n hw.memsize": str(32 << 30),
        "route -n get default": "  interface: en1",
        "ipconfig getoption en1 lease_time": "3600",
    }
    asked: list[str] = []

    def answer(*command: str) -> str:
        asked.append(" ".join(command))
        return said[asked[-1]]

    subjects = [one.subject for one in check_mac(is_installed=True, ask=answer)]
    assert subjects == ["sleep", "login", "local network", "firewall", "GPU memory", "address", "service"]
    assert set(asked) == set(said)


def test_where_nothing_answers_only_the_service_is_known() -> None:
    assert [one.subject for one in check_mac(is_installed=False, ask=lambda *_: "")] == ["service"]


def test_the_firewall_is_told_of_the_file_that_runs() -> None:
    assert os.access(running_program(), os.X_OK)
    said = {"--getglobalstate": "Firewall is enabled. (State = 1)"}
    found = check_mac(is_installed=False, ask=lambda *command: said.get(command[-1], ""))
    assert [running_program() in one.cure for one in found if one.subject == "firewall"] == [True]
