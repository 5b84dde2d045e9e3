from __future__ import annotations

import json
import random
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest

from bronzewillow.cni.errors import CniError
from bronzewillow.cni.leases import Cidr, Lease, Leases

CIDR = IPv4Network("10.244.7.0/29")  # six addresses
NODE = {"10.244.7.1"}
V4, V6 = CIDR, IPv6Network("fd00:7::/64")


def give(leases: Leases, container: str, taken: set[str] = NODE) -> Lease:
    (lease,) = leases.give(
        [CIDR], taken, container, "eth0", "pods", f"default/{container}", Path("/run/p") / container
    )
    return lease


def test_each_attachment_has_one_address_and_keeps_it(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "leases")
    assert leases.all() == []
    one = give(leases, "a")
    assert one == Lease("10.244.7.2", "a", "eth0", "pods", "default/a", "/run/p/a", one.password)
    assert give(leases, "a") == one
    assert give(Leases(tmp_path / "leases"), "b").address == "10.244.7.3"
    assert leases.find("a", "eth0", "pods") == [one]
    assert leases.find("a", "eth1", "pods") == []
    assert (tmp_path / "leases").stat().st_mode & 0o777 == 0o700


def test_an_address_is_given_again_last(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    leases.take_back(give(leases, "a"))
    addresses = [give(leases, name).address for name in "bcdef"]
    assert addresses == ["10.244.7.3", "10.244.7.4", "10.244.7.5", "10.244.7.6", "10.244.7.2"]
    with pytest.raises(CniError, match=r"all addresses of 10\.244\.7\.0/29 are given") as raised:
        give(leases, "g")
    assert raised.value.code == 100
    leases.take_back(leases.all()[0])
    leases.take_back(Lease("10.244.7.2", "", "", "", "", ""))
    assert give(leases, "g", {*NODE}).address == "10.244.7.2"


def test_a_pod_of_both_families_has_two(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    both: list[Cidr] = [IPv6Network("fd00:7::/64"), CIDR]

    def give_both(name: str) -> list[str]:
        given = leases.give(both, {*NODE, "fd00:7::1"}, name, "eth0", "pods", "", Path("/x"))
        assert leases.find(name, "eth0", "pods") == given
        return [lease.address for lease in given]

    assert give_both("a") == give_both("a") == ["10.244.7.2", "fd00:7::2"]
    assert give_both("b") == ["10.244.7.3", "fd00:7::3"]
    for lease in leases.find("b", "eth0", "pods"):
        leases.take_back(lease)
    assert give_both("c") == ["10.244.7.4", "fd00:7::4"]
    for name in "def":
        give_both(name)
    with pytest.raises(CniError, match=r"all addresses of 10\.244\.7\.0/29"):
        give_both("g")
    assert leases.find("g", "eth0", "pods") == []  # not of one family alone


def test_a_second_family_is_given_where_it_has_come(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    one = give(leases, "a")
    given = leases.give([CIDR, IPv6Network("fd00:7::/64")], NODE, "a", "eth0", "pods", "", Path("/x"))
    assert given[0] == one and given[1].address == "fd00:7::1"


def test_what_is_no_lease_is_passed_over(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    give(leases, "a")
    (tmp_path / "10.244.7.3.json").write_text("{")
    (tmp_path / "10.244.7.4.json").write_text((tmp_path / "10.244.7.2.json").read_text())
    (tmp_path / "last").write_text("nonsense")
    assert [lease.address for lease in leases.all()] == ["10.244.7.2"]
    assert give(leases, "b").address == "10.244.7.5"  # what the names of the others say is given


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"address":"10.244.7.9","container_id":1,"ifname":"","network":"","pod":"","sockets":"/s"}',
        '{"address":"10.244.7.9","container_id":"a","ifname":"","network":"","pod":"","sockets":"/\\u0000"}',
        '{"address":"10.244.7.8","container_id":"a","ifname":"","network":"","pod":"","sockets":"/s"}',
    ],
    ids=["torn", "a list", "deep", "a number", "a zero byte", "another's"],
)
def test_a_spoilt_lease_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str) -> None:
    leases = Leases(tmp_path)
    (tmp_path / "10.244.7.9.json").write_text(text)
    assert leases.all() == leases.all() == []
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "10.244.7.9.json" in caplog.text
    lease = give(leases, "a")
    leases.drop_spoilt()
    assert [path.name for path in tmp_path.glob("*.json")] == [f"{lease.address}.json"]
    (tmp_path / "file").write_text("")
    with pytest.raises(CniError, match="Not a directory") as raised:
        give(Leases(tmp_path / "file" / "x"), "a")
    assert raised.value.code == 5


def test_parallel_adds_share_no_address(tmp_path: Path) -> None:
    cidr = IPv4Network("10.244.0.0/24")

    def one(number: int) -> str:
        return Leases(tmp_path).give([cidr], (), f"c{number}", "eth0", "pods", "", Path("/x"))[0].address

    with ThreadPoolExecutor(8) as pool:
        addresses = list(pool.map(one, range(60)))
    assert len(set(addresses)) == 60


GIVER = """
import itertools, sys
from ipaddress import IPv4Network
from pathlib import Path
from bronzewillow.cni.leases import Leases
leases = Leases(Path(sys.argv[1]))
print(flush=True)
for n in itertools.count():
    name = f"{sys.argv[2]}-{n}"
    [lease] = leases.give([IPv4Network("10.244.0.0/16")], (), name, "eth0", "pods", "", Path("/x"))
    if n % 3:
        leases.take_back(lease)
"""


@pytest.mark.slow
def test_killed_at_any_moment_no_address_is_lost_or_given_twice(tmp_path: Path) -> None:
    rng = random.Random(2)
    for number in range(15):
        with subprocess.Popen(
            [sys.executable, "-c", GIVER, str(tmp_path), str(number)], stdout=subprocess.PIPE
        ) as giver:
            assert giver.stdout is not None
            giver.stdout.readline()
            until = time.monotonic() + rng.random() / 20
            while time.monotonic() < until:
                Leases(tmp_path).all()
            giver.send_signal(signal.SIGKILL)
    leases = Leases(tmp_path).all()
    assert len({lease.address for lease in leases}) == len(leases) > 15
    assert len({lease.container_id for lease in leases}) == len(leases)
    assert len(list(tmp_path.glob("*.json"))) == len(leases)


def test_an_attachment_has_a_password_of_its_own_which_nobody_else_may_read(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    both = leases.give([V4, V6], (), "a" * 64, "eth0", "pods", "default/a", tmp_path)
    other = leases.give([V4], (), "b" * 64, "eth0", "pods", "default/b", tmp_path)
    assert both[0].password == both[1].password != other[0].password
    assert len(both[0].password) == 32
    assert both[0].name_at_outlet == "a" * 12
    assert leases.give([V4, V6], (), "a" * 64, "eth0", "pods", "default/a", tmp_path) == both
    assert both[0].password not in repr(both)
    assert stat.S_IMODE((tmp_path / f"{both[0].address}.json").stat().st_mode) == 0o600


def test_a_lease_from_before_passwords_is_one_without(tmp_path: Path) -> None:
    old = {"address": "10.244.7.9", "container_id": "c", "ifname": "eth0", "network": "pods", "pod": "d/c"}
    (tmp_path / "10.244.7.9.json").write_text(json.dumps(old | {"sockets": "/run/p/c"}))
    (lease,) = Leases(tmp_path).all()
    assert lease.password == ""


def test_the_outlet_is_remembered(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "leases")
    assert leases.outlet == 0
    leases.outlet = 40_123
    assert Leases(tmp_path / "leases").outlet == 40_123
    for nonsense in ("", "x", "-1", "70000"):
        (tmp_path / "leases" / "outlet").write_text(nonsense)
        assert leases.outlet == 0


def test_an_outlet_elsewhere_ends_all_passwords(tmp_path: Path) -> None:
    """Whoever has the old port now is told them by every container that goes out."""
    leases = Leases(tmp_path)
    leases.outlet = 40_123
    before = give(leases, "a")
    leases.outlet = 40_123
    assert leases.all() == [before]
    leases.outlet = 40_124
    assert leases.all() == [replace(before, password="")]
    assert give(leases, "b").password
