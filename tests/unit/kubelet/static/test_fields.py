from __future__ import annotations

from kubelet.static.documents import parse_documents
from kubelet.static.fields import Object, Problems


def read(text: str) -> tuple[Object, Problems]:
    (document,) = parse_documents(text)
    problems = Problems("pod.yaml", document)
    return Object(document.value, (), problems), problems


def test_good_values() -> None:
    found, problems = read("a: x\nb: 3\nc: true\nd: [p, q]\ne: {k: v}\nf: {g: y}\nh: [{i: 1}]\nj: ~\n")
    assert (found.text("a"), found.number("b", 0, 9), found.flag("c"), found.texts("d")) == (
        "x", 3, True, ("p", "q"),
    )  # fmt: skip
    assert (found.text_map("e"), found.object("f").text("g")) == ({"k": "v"}, "y")
    assert found.objects("h")[0].number("i", 1, 1) == 1
    assert (found.text("j", "z"), found.choice("none", ("p", "q"), "q")) == ("z", "q")
    found.refuse_unknown()
    assert problems.found == []


def test_mistakes_have_their_place() -> None:
    found, problems = read(
        "a: 1\nb: ''\nc: 70\nd:\n- x\n- 2\ne:\n  k: 1\nf: []\nh:\n- 1\ni: z\nimagee: x\nl: true\n"
    )
    found.text("a")
    found.text("b")
    found.number("c", 1, 9)
    found.texts("d")
    found.text_map("e")
    found.object("f")
    found.objects("h")
    found.choice("i", ("p", "q"), "q")
    found.text("m")
    found.number("l", 0, 1)
    found.accept("image")
    found.refuse_unknown()
    assert problems.found == [
        "pod.yaml:1: a: expected a text, got a number; put it in quotes",
        "pod.yaml:2: b: must not be empty",
        "pod.yaml:3: c: 70 is not between 1 and 9",
        "pod.yaml:6: d[1]: expected a text, got a number; put it in quotes",
        "pod.yaml:8: e.k: expected a text, got a number; put it in quotes",
        "pod.yaml:9: f: expected an object, got a list",
        "pod.yaml:11: h[0]: expected an object, got a number",
        "pod.yaml:12: i: 'z' is not one of: p, q",
        "pod.yaml:1: m: is missing; expected a text",
        "pod.yaml:14: l: expected a number, got true or false",
        "pod.yaml:13: imagee: unknown key; did you mean image?",
    ]


def test_what_is_left_out_and_what_is_refused_counts_only_if_it_says_something() -> None:
    found, problems = read("a: 1\nb: []\nc: {}\nd: [1]\ne: false\n")
    found.leave_out(("a", "b", "x"), "is left out")
    found.refuse(("c", "d", "e"), "cannot be")
    found.refuse_unknown()
    assert found.given() == ("a", "b", "c", "d", "e")
    assert problems.notes == ["pod.yaml:1: a: is left out"]
    assert problems.found == ["pod.yaml:4: d: cannot be"]
