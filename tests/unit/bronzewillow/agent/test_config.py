"""The configuration file: what it means, and how mistakes are told."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bronzewillow.agent.addresses import pack_address
from bronzewillow.agent.config import (
    AgentConfig,
    ConfigError,
    PodSpec,
    PortSpec,
    derived_mac,
    load_config,
    parse_config,
)
from bronzewillow.overlay.spec import OverlaySpec, Peer
from bronzewillow.proxy import Upstream
from bronzewillow.stack import TcpConfig
from bronzewillow.stack.tcp.ecn import EcnMode
from bronzewillow.wire.checksum import PartialPolicy
from bronzewillow.wire.encap import Encap
from bronzewillow.wire.ethernet import MacRule

ip = socket.inet_aton

EXAMPLE = """\
[overlay]
encap = "vxlan"
address = "192.0.2.2"
port = 8472
vni = 1
pod_cidr = "10.244.7.0/24"
mac = "02:bb:bb:bb:bb:02"
mtu = 1450

[[overlay.peers]]
name = "worker-1"
address = "192.0.2.1"
mac = "02:aa:aa:aa:aa:01"
pod_cidrs = ["10.244.1.0/24"]

[[pods]]
name = "default/tinyllama-0"
address = "10.244.7.10"
ports = [
  { port = 8080, upstream = "unix:/tmp/t/8080.sock", protocol = "http" },
  { port = 9000, upstream = "tcp:127.0.0.1:9000", protocol = "tcp" },
]
"""


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        parse_config(text, "node.toml", "mac-1")
    assert str(raised.value) == "\n".join(raised.value.problems)
    return raised.value.problems


def test_the_example_means_what_it_says() -> None:
    peer = Peer("worker-1", ip("192.0.2.1"), 8472, bytes.fromhex("02aaaaaaaa01"), ((ip("10.244.1.0"), 24),))
    overlay = OverlaySpec(
        Encap.VXLAN,
        ip("192.0.2.2"),
        8472,
        1,
        ((ip("10.244.7.0"), 24),),
        bytes.fromhex("02bbbbbbbb02"),
        1450,
        (peer,),
        mac_rule=MacRule.NOTE,
    )
    pod = PodSpec(
        "default/tinyllama-0",
        (ip("10.244.7.10"),),
        (
            PortSpec(8080, Upstream.parse("unix:/tmp/t/8080.sock"), "http"),
            PortSpec(9000, Upstream.parse("tcp:127.0.0.1:9000"), "tcp"),
        ),
    )
    assert parse_config(EXAMPLE, "node.toml", "mac-1") == AgentConfig((overlay,), (pod,))


@pytest.mark.parametrize(("encap", "port"), [("vxlan", 4789), ("geneve", 6081)])
def test_defaults(encap: str, port: int) -> None:
    config = parse_config(
        f'[overlay]\nencap = "{encap}"\naddress = "192.0.2.2"\nvni = 0\npod_cidr = "10.244.7.0/24"\n'
        '[[overlay.peers]]\nname = "w"\naddress = "192.0.2.1"\nmac = "02:aa:aa:aa:aa:01"\n'
        'pod_cidrs = ["10.244.1.0/24"]\n',
        "node.toml",
        "mac-1",
    )
    assert (config.overlays[0].port, config.overlays[0].peers[0].port, config.overlays[0].mtu) == (
        port,
        port,
        1450,
    )
    assert config.overlays[0].mac == derived_mac("mac-1")
    assert config.pods == ()


def test_the_derived_mac_is_stable_local_and_unicast() -> None:
    assert derived_mac("mac-1") == derived_mac("mac-1") != derived_mac("mac-2")
    assert derived_mac("mac-1")[0] == 2


# (what stands in the example, what stands there instead, the line that comes out)
MISTAKES = [
    ('encap = "vxlan"', 'encap = "vxlam"', "2: overlay.encap: 'vxlam' is not one of: vxlan, geneve"),
    ('encap = "vxlan"', "encap = 4", "2: overlay.encap: expected a string, got an integer"),
    (
        '"192.0.2.2"',
        '"192.0.2.256"',
        "3: overlay.address: '192.0.2.256' is not an IP address, such as 192.0.2.2 or 2001:db8::2",
    ),
    (
        '"192.0.2.2"',
        '"fe80::1"',
        "3: overlay.address: fe80::1 is link-local, or IPv4 in disguise; write what others reach",
    ),
    (
        '"192.0.2.1"',
        '"2001:db8::1"',
        "12: overlay.peers[0].address: is not of the family of overlay.address, 192.0.2.2",
    ),
    (
        'pod_cidr = "10.244.7.0/24"',
        'pod_cidr = ["10.244.7.0/24", "fd00:7::/127"]',
        "6: overlay.pod_cidr: a /127 has no room for the node and a pod; /126 is the smallest",
    ),
    (
        'pod_cidr = "10.244.7.0/24"',
        'mtu = 1279\npod_cidr = ["10.244.7.0/24", "fd00:7::/64"]',
        "6: overlay.mtu: 1279 is not between 1280 and 65000",
    ),
    (
        '"10.244.7.10"',
        '["10.244.7.10", "fd00:7::a"]',
        "18: pods[0].address: is not in overlay.pod_cidr, 10.244.7.0/24",
    ),
    ('"192.0.2.2"', '"224.0.0.1"', "3: overlay.address: 224.0.0.1 is not an address that a host can have"),
    ('"192.0.2.2"', '""', "3: overlay.address: must not be empty"),
    ('address = "192.0.2.2"\n', "", "1: overlay.address: is missing; expected a string"),
    ("port = 8472", "port = 0", "4: overlay.port: 0 is not between 1 and 65535"),
    ("port = 8472", "port = true", "4: overlay.port: expected an integer, got a boolean"),
    ("port = 8472", 'port = "8472"', "4: overlay.port: expected an integer, got a string"),
    ("vni = 1", "vni = 16777216", "5: overlay.vni: 16777216 is not between 0 and 16777215"),
    ("vni = 1", f"vni = 0x{'f' * 5000}", "5: overlay.vni: the number is not between 0 and 16777215"),
    ("vni = 1", "vni = 1.5", "5: overlay.vni: expected an integer, got a float"),
    ("vni = 1", "vnu = 1", "1: overlay.vni: is missing; expected an integer"),
    ("vni = 1", "vni = 1\nvnu = 1", "6: overlay.vnu: unknown key; did you mean vni?"),
    (
        '"10.244.7.0/24"',
        '"10.244.7.1/24"',
        "6: overlay.pod_cidr: '10.244.7.1/24' has host bits set; write 10.244.7.0/24",
    ),
    (
        '"10.244.7.0/24"',
        '"10.244.7"',
        "6: overlay.pod_cidr: '10.244.7' is not a network, such as 10.244.1.0/24",
    ),
    (
        '"10.244.7.0/24"',
        '"10.244.7.0/31"',
        "6: overlay.pod_cidr: a /31 has no room for the node and a pod; /30 is the smallest",
    ),
    ('"02:bb:bb:bb:bb:02"', '"02:bb"', "7: overlay.mac: '02:bb' is not a MAC, such as 02:aa:aa:aa:aa:01"),
    (
        '"02:bb:bb:bb:bb:02"',
        '"03:bb:bb:bb:bb:02"',
        "7: overlay.mac: 03:bb:bb:bb:bb:02 is not a unicast MAC; the lowest bit of its first byte must be 0",
    ),
    ("mtu = 1450", "mtu = 100", "8: overlay.mtu: 100 is not between 576 and 65000"),
    ('name = "worker-1"\n', "", "10: overlay.peers[0].name: is missing; expected a string"),
    ('"02:aa:aa:aa:aa:01"', "5", "13: overlay.peers[0].mac: expected a string, got an integer"),
    (
        '["10.244.1.0/24"]',
        '"10.244.1.0/24"',
        "14: overlay.peers[0].pod_cidrs: expected a list of networks, got a string",
    ),
    (
        '["10.244.1.0/24"]',
        "[]",
        '14: overlay.peers[0].pod_cidrs: must name at least one network, such as "10.244.1.0/24"',
    ),
    ('["10.244.1.0/24"]', "[7]", "14: overlay.peers[0].pod_cidrs[0]: expected a string, got an integer"),
    (
        '["10.244.1.0/24"]',
        '["10.244.7.128/25"]',
        "14: overlay.peers[0].pod_cidrs: 10.244.7.128/25 overlaps our own pod_cidr, 10.244.7.0/24",
    ),
    (
        '"192.0.2.1"\n',
        '"192.0.2.2"\n',
        "12: overlay.peers[0].address: is this node's own address and port",
    ),
    ("[[overlay.peers]]", "[overlay.peers]", "10: overlay.peers: expected a list of tables, got a table"),
    ('"10.244.7.10"', '"10.244.8.10"', "18: pods[0].address: is not in overlay.pod_cidr, 10.244.7.0/24"),
    (
        '"10.244.7.10"',
        '"10.244.7.1"',
        "18: pods[0].address: is the first address of overlay.pod_cidr, which is the node's own",
    ),
    (
        '"10.244.7.10"',
        '"10.244.7.255"',
        "18: pods[0].address: is the first or last number of overlay.pod_cidr, which no pod can have",
    ),
    ("port = 9000", "port = 8080", "21: pods[0].ports[1].port: 8080 is another port of this pod, too"),
    ("port = 9000", "port = 70000", "21: pods[0].ports[1].port: 70000 is not between 1 and 65535"),
    (
        '"tcp:127.0.0.1:9000"',
        '"udp:x:1"',
        "21: pods[0].ports[1].upstream: upstream 'udp:x:1': must begin with unix: or tcp:",
    ),
    ('protocol = "tcp"', 'protocol = "udp"', "21: pods[0].ports[1].protocol: 'udp' is not one of: http, tcp"),
    ("[[pods]]", "[[pod]]", "16: pod: unknown key; did you mean pods?"),
    ("[overlay]", "[overlays]", "1: overlays: unknown key; did you mean overlay?"),
]


@pytest.mark.parametrize(
    ("before", "after", "line"), MISTAKES, ids=[m[2].partition(":")[2][:60] for m in MISTAKES]
)
def test_a_mistake_is_one_line_with_file_line_and_key(before: str, after: str, line: str) -> None:
    assert before in EXAMPLE
    text = EXAMPLE.replace("mtu = 1450\n", "") if "mtu = " in after and "mtu" not in before else EXAMPLE
    assert f"node.toml:{line}" in problems(text.replace(before, after, 1))


def test_duplicates_are_told_where_the_second_stands() -> None:
    second_peer = EXAMPLE[EXAMPLE.index("[[overlay.peers]]") : EXAMPLE.index("[[pods]]")]
    second_pod = EXAMPLE[EXAMPLE.index("[[pods]]") :]
    assert problems(EXAMPLE + second_peer + second_pod) == (
        "node.toml:24: overlay.peers[1].name: 'worker-1' is the name of another peer, too",
        "node.toml:25: overlay.peers[1].address: is the address and port of peer 'worker-1', too",
        "node.toml:27: overlay.peers[1].pod_cidrs: 10.244.1.0/24 belongs to peer 'worker-1', too",
        "node.toml:30: pods[1].name: 'default/tinyllama-0' is the name of another pod, too",
        "node.toml:31: pods[1].address: is the address of pod 'default/tinyllama-0', too",
    )


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = EXAMPLE.replace("vni = 1", "vni = -1").replace("mtu = 1450", "mtu = 9").replace('"tcp:', '"ucp:')
    lines = [int(problem.split(":")[1]) for problem in problems(text)]
    assert lines == [5, 8, 21]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = [", "node.toml:1: TOML: "),
        ("[overlay]\nx = 1\nx = 2\n", "node.toml:3: TOML: "),
        ("[overlay]\n\nport 5\n", "node.toml:3: TOML: "),
        (f"[overlay]\nvni = {'9' * 5000}\n", "node.toml: a number has too many digits"),
        (f"x = {'[' * 10_000}", "node.toml: it is nested too deeply"),
    ],
)
def test_bad_toml_is_told_by_its_line(text: str, line: str) -> None:
    [problem] = problems(text)
    assert problem.startswith(line)


def test_a_mark_of_byte_order_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "marked.toml").write_text(EXAMPLE, encoding="utf-8-sig")
    assert load_config(tmp_path / "marked.toml", "mac-1") == parse_config(EXAMPLE, "", "mac-1")


def test_a_file_without_an_overlay() -> None:
    assert problems("") == ("node.toml:1: overlay: is missing; expected a table: write [overlay]",)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent.toml: cannot be read: No such file"):
        load_config(tmp_path / "absent.toml", "mac-1")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path, "mac-1")
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(ConfigError, match=r"pipe.toml: cannot be read: is no regular file"):
        load_config(tmp_path / "pipe.toml", "mac-1")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"[overlay]\nx = '\xff'\n")
    with pytest.raises(ConfigError, match=r"binary.toml:2: is not UTF-8 text"):
        load_config(binary, "mac-1")


@given(st.text(max_size=200))
def test_any_text_is_refused_in_order(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_config(text, "node.toml", "mac-1")


@given(st.data())
def test_a_damaged_example_is_read_or_refused(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(EXAMPLE)))
    size = data.draw(st.integers(0, 30))
    text = EXAMPLE[:at] + data.draw(st.text(max_size=5)) + EXAMPLE[at + size :]
    try:
        parse_config(text, "node.toml", "mac-1")
    except ConfigError as error:
        assert error.problems
        assert all(problem.startswith("node.toml:") for problem in error.problems)


DUAL_STACK = """\
[overlay]
address = "2001:db8::2"
vni = 1
pod_cidr = ["10.244.7.0/24", "fd00:7::/64"]

[[overlay.peers]]
name = "worker-1"
address = "2001:db8::1"
mac = "02:aa:aa:aa:aa:01"
pod_cidrs = ["10.244.1.0/24", "fd00:1::/64"]

[[pods]]
name = "default/both"
address = ["10.244.7.10", "fd00:7::a"]

[[pods]]
name = "default/new"
address = "fd00:7::b"
"""


def test_both_families_within_and_the_new_one_without() -> None:
    config = parse_config(DUAL_STACK, "node.toml", "mac-1")
    v6 = pack_address
    assert config.overlays[0].address == v6("2001:db8::2") and config.overlays[0].mtu == 1430
    assert config.overlays[0].pod_cidrs == ((ip("10.244.7.0"), 24), (v6("fd00:7::"), 64))
    assert config.overlays[0].peers[0].prefixes == ((ip("10.244.1.0"), 24), (v6("fd00:1::"), 64))
    assert [pod.addresses for pod in config.pods] == [
        (ip("10.244.7.10"), v6("fd00:7::a")),
        (v6("fd00:7::b"),),
    ]


TWO_UNDERLAYS = """\
[[overlay]]
address = "192.0.2.2"
port = 8472
vni = 1
pod_cidr = "10.244.7.0/24"

[[overlay.peers]]
name = "worker-1"
address = "192.0.2.1"
mac = "02:aa:aa:aa:aa:01"
pod_cidrs = ["10.244.1.0/24"]

[[overlay]]
address = "2001:db8::2"
port = 8472
vni = 1
pod_cidr = "fd00:7::/64"
mac = "02:bb:bb:bb:bb:62"

[[overlay.peers]]
name = "worker-1"
address = "2001:db8::1"
mac = "02:aa:aa:aa:aa:61"
pod_cidrs = ["fd00:1::/64"]

[[pods]]
name = "default/both"
address = ["10.244.7.10", "fd00:7::a"]
"""


def test_an_underlay_for_each_family() -> None:
    config = parse_config(TWO_UNDERLAYS, "node.toml", "mac-1")
    v6 = pack_address
    first, second = config.overlays
    assert (first.address, first.mtu, first.mac) == (ip("192.0.2.2"), 1450, derived_mac("mac-1"))
    assert (second.address, second.mtu, second.mac.hex()) == (v6("2001:db8::2"), 1430, "02bbbbbbbb62")
    assert second.peers[0].prefixes == ((v6("fd00:1::"), 64),)
    assert config.peer_count == 1
    assert config.pods[0].addresses == (ip("10.244.7.10"), v6("fd00:7::a"))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'pod_cidr = "fd00:7::/64"',
            'pod_cidr = ["fd00:7::/64", "10.244.8.0/24"]',
            "17: overlay[1].pod_cidr: is of a family that another [[overlay]] has, too",
        ),
        (
            '"2001:db8::1"',
            '"192.0.2.1"',
            "22: overlay[1].peers[0].address: is not of the family of overlay.address, 2001:db8::2",
        ),
        (
            '"10.244.7.10"',
            '"10.244.9.10"',
            "28: pods[0].address: is not in overlay.pod_cidr, 10.244.7.0/24, fd00:7::/64",
        ),
    ],
)
def test_mistakes_in_two_underlays_name_theirs(old: str, new: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(TWO_UNDERLAYS.replace(old, new), "node.toml", "mac-1")
    assert caught.value.problems == (f"node.toml:{problem}",)


def test_an_array_of_underlays_has_at_least_one() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config("overlay = []", "node.toml", "mac-1")
    assert caught.value.problems == ("node.toml:1: overlay: must not be empty",)


def test_the_rule_for_inner_macs() -> None:
    (overlay,) = parse_config(EXAMPLE, "node.toml", "mac-1").overlays
    assert overlay.mac_rule is MacRule.NOTE
    text = EXAMPLE.replace("[overlay]\n", '[overlay]\ninner_mac = "own"\n', 1)
    (overlay,) = parse_config(text, "node.toml", "mac-1").overlays
    assert overlay.mac_rule is MacRule.OWN
    with pytest.raises(ConfigError, match=r"overlay.inner_mac: 'ours' is not one of: any, note, own"):
        parse_config(text.replace('"own"', '"ours"'), "node.toml", "mac-1")


def test_the_knobs_of_tcp_and_of_checksums() -> None:
    text = EXAMPLE.replace("[[pods]]", '[tcp]\nrack = false\necn = "on"\n\n[[pods]]', 1)
    text = text.replace("[overlay]\n", '[overlay]\nchecksums = "never"\n', 1)
    config = parse_config(text, "node.toml", "mac-1")
    assert config.tcp == TcpConfig(rack=False, ecn=EcnMode.ON)
    assert config.overlays[0].partial_checksums is PartialPolicy.NEVER
    with pytest.raises(ConfigError, match=r"node.toml:\d+: tcp.rack: expected true or false, got a string"):
        parse_config(text.replace("rack = false", 'rack = "no"'), "node.toml", "mac-1")
