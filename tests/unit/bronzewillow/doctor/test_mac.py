"""What macOS's tools print, as their manuals and users show it, and what is made of it."""

from __future__ import annotations

import pytest

from bronzewillow.doctor import mac
from bronzewillow.doctor.findings import Finding, Verdict

PMSET = """System-wide power settings:
Currently in use:
 standby              1
 Sleep On Power Button 1
 hibernatefile        /var/vm/sleepimage
 powernap             1
 networkoversleep     0
 disksleep            10
 sleep                {sleep} (sleep prevented by powerd, caffeinate)
 autorestart          {autorestart}
 lowpowermode         {low}
 displaysleep         10
 womp                 1
"""
ROUTE = """   route to: default
destination: default
       mask: default
    gateway: 192.0.2.1
  interface: en0
      flags: <UP,GATEWAY,DONE,STATIC,PRCLONING,GLOBAL>
"""


def verdicts(findings: list[Finding]) -> dict[str, Verdict]:
    return {one.subject: one.verdict for one in findings}


def test_a_machine_that_is_set_up_for_it() -> None:
    found = mac.of_power(PMSET.format(sleep=0, autorestart=1, low=0))
    assert verdicts(found) == {"sleep": Verdict.GOOD}


def test_a_laptop_as_it_comes() -> None:
    found = mac.of_power(PMSET.format(sleep=1, autorestart=0, low=1))
    assert verdicts(found) == {
        "sleep": Verdict.WARNING,
        "low power mode": Verdict.WARNING,
        "power failure": Verdict.WARNING,
    }
    assert "after 1 min" in found[0].text
    assert all("sudo pmset -a" in one.cure for one in found)


@pytest.mark.parametrize(
    ("filevault", "user", "verdict"),
    [
        ("FileVault is On.\n", "", Verdict.WARNING),
        ("FileVault is On.\n", "llm\n", Verdict.WARNING),
        ("FileVault is Off.\n", "", Verdict.WARNING),
        ("FileVault is Off.\n", "llm\n", Verdict.GOOD),
    ],
)
def test_who_is_logged_in_after_a_restart(filevault: str, user: str, verdict: Verdict) -> None:
    finding = mac.of_login(filevault, user)
    assert finding is not None
    assert finding.verdict is verdict
    assert bool(finding.cure) == (verdict is Verdict.WARNING)


def test_the_local_network_is_asked_for_since_macos_15_by_what_launchd_starts() -> None:
    assert mac.of_local_network("14.7.1\n", is_installed=True) is None
    assert mac.of_local_network("15.1\n", is_installed=False) is None
    finding = mac.of_local_network("26.0\n", is_installed=True)
    assert finding is not None
    assert "Local Network" in finding.cure


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Firewall is disabled. (State = 0)\n", Verdict.GOOD),
        ("Firewall is enabled. (State = 1)\n", Verdict.WARNING),
        ("Firewall is blocking all non-essential incoming connections. (State = 2)\n", Verdict.BROKEN),
    ],
)
def test_the_firewall(text: str, verdict: Verdict) -> None:
    finding = mac.of_firewall(text, "/opt/python")
    assert finding is not None
    assert finding.verdict is verdict
    assert ("/opt/python" in finding.cure) == (verdict is Verdict.WARNING)


@pytest.mark.parametrize(
    ("limit", "verdict"), [("0", Verdict.GOOD), ("49152", Verdict.GOOD), ("63000", Verdict.WARNING)]
)
def test_memory_for_the_gpu(limit: str, verdict: Verdict) -> None:
    finding = mac.of_wired_limit(limit, str(64 << 30))
    assert finding is not None
    assert finding.verdict is verdict
    assert finding.cure in ("", "sudo sysctl iogpu.wired_limit_mb=61440")


def test_an_address_that_may_change() -> None:
    assert mac.interface_of(ROUTE) == "en0"
    leased, fixed = mac.of_lease("en0", "86400\n"), mac.of_lease("en0", "")
    assert (leased and leased.verdict, fixed and fixed.verdict) == (Verdict.WARNING, Verdict.GOOD)


def test_a_service_is_better_than_a_terminal() -> None:
    assert mac.of_service(is_installed=True).verdict is Verdict.GOOD
    assert mac.of_service(is_installed=False).cure == "bronzewillow install"


def test_what_cannot_be_read_is_left_out() -> None:
    assert mac.of_power("") == []
    assert mac.interface_of("") == ""
    for finding in (
        mac.of_login("", ""),
        mac.of_local_network("", is_installed=True),
        mac.of_firewall("?", "p"),
        mac.of_wired_limit("", ""),
        mac.of_lease("", ""),
    ):
        assert finding is None
