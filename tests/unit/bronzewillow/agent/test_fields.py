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
    assert root.prefix("net") == (bytes((10, 0, 0, 0)), 8)
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
