"""Readers of fields note what is wrong and go on."""

from __future__ import annotations

import tomllib

from bronzewillow.agent.fields import Problems, Table, dotted
from bronzewillow.agent.toml_lines import KeyLines


def table(text: str) -> tuple[Table, Problems]:
    problems = Problems("f.toml", KeyLines(text))
    return Table(tomllib.loads(text), (), problems), problems


def test_good_fields_are_read() -> None:
    root, problems = table(
        'a = "x"\nn = 7\nip = "192.0.2.1"\nnet = "10.0.0.0/8"\nmac = "02:00:00:00:00:01"\n[t]\n'
    )
    assert root.text("a") == "x"
    assert root.number("n", 0, 9) == 7
    assert root.address("ip") == bytes((192, 0, 2, 1))
    assert root.prefix_per_family("net") == ((bytes((10, 0, 0, 0)), 8),)
    assert root.mac("mac") == bytes((2, 0, 0, 0, 0, 1))
    inner = root.table("t")
    assert inner is not None and inner.path == ("t",)
    root.refuse_unknown()
    assert problems.lines() == ()


def test_defaults_need_no_key_and_make_it_known() -> None:
    root, problems = table("")
    assert (root.text("a", "x"), root.number("n", 0, 9, 3), root.tables("list")) == ("x", 3, [])
    assert root.mac("mac", bytes(6)) == bytes(6)
    root.refuse_unknown()
    assert problems.lines() == ()


def test_problems_come_in_the_order_of_the_file() -> None:
    root, problems = table("b = 1\na = 2\n")
    root.text("a")
    root.text("b")
    assert [line.split(":")[1] for line in problems.lines()] == ["1", "2"]


def test_an_unknown_key_without_a_neighbour_lists_the_known() -> None:
    root, problems = table("zzz = 1\n")
    root.text("name", "x")
    root.number("port", 0, 9, 1)
    root.refuse_unknown()
    assert problems.lines() == ("f.toml:1: zzz: unknown key; known are: name, port",)


def test_dotted() -> None:
    assert dotted(("overlay", "peers", 0, "mac")) == "overlay.peers[0].mac"
    assert dotted(()) == "file"


def test_one_of_each_family() -> None:
    root, problems = table('a = ["192.0.2.1", "fd00::1"]\nb = "fd00::1"\nn = ["10.0.0.0/8", "fd00::/64"]\n')
    v6 = bytes.fromhex("fd" + 14 * "00" + "01")
    assert root.address_per_family("a") == (bytes((192, 0, 2, 1)), v6)
    assert root.address_per_family("b") == (v6,)
    assert root.prefix_per_family("n") == ((bytes((10, 0, 0, 0)), 8), (v6[:-1] + b"\0", 64))
    root.refuse_unknown()
    assert problems.lines() == ()


def test_mistakes_in_lists_of_families() -> None:
    root, problems = table('a = ["fd00::1", "fd00::2"]\nb = []\nc = ["fd00::1", 7, "x"]\nn = "fd00::1/64"\n')
    for key in "abcd":
        root.address_per_family(key)
    root.prefix_per_family("n")
    assert problems.lines() == (
        "f.toml:1: a: has two of one family; one of IPv4 and one of IPv6 is the most",
        "f.toml:1: d: is missing; expected a string",
        "f.toml:2: b: must not be empty",
        "f.toml:3: c[1]: expected a string, got an integer",
        "f.toml:3: c[2]: 'x' is not an IP address, such as 192.0.2.2 or 2001:db8::2",
        "f.toml:4: n: 'fd00::1/64' has host bits set; write fd00::/64",
    )
