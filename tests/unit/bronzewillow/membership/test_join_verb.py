"""From words to an enrolment and to a node; the programs are stand-ins here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from bronzewillow.membership import join_verb
from bronzewillow.membership.join_verb import join
from bronzewillow.service.job import Job, ServiceError
from bronzewillow.supervise.node_words import NodeWords

TOKEN = "abcdef.0123456789abcdef"
VARIABLE = "BRONZEWILLOW_TOKEN"
SERVER = "https://10.0.0.1:6443"


class Scene:
    """What was done, in order; `code` is how the enrolment ends."""

    def __init__(self, state: Path) -> None:
        self.done: list[tuple[object, ...]] = []
        self.code = 0
        self.home = state / "bronzewillow" / "kubelet"

    def enrol(self, verb: str, arguments: Sequence[str]) -> int:
        self.done.append((verb, *arguments))
        return self.code

    def bring_up(self, node: NodeWords) -> None:
        self.done.append(("up", *node.up_arguments()))

    def have_joined(self) -> None:
        self.home.mkdir(parents=True)
        (self.home / "node.json").write_text(f'{{"node_name": "mac-1", "server": "{SERVER}"}}')


class Service:
    """Of a user."""

    log_hint = "read it there"

    def __init__(self, scene: Scene, trouble: str = "") -> None:
        self.scene, self.trouble, self.is_there = scene, trouble, True

    def text(self, job: Job) -> str:
        return ""

    def is_installed(self) -> bool:
        return self.is_there

    def install(self, job: Job) -> bool:
        return True

    def restart(self) -> None:
        if self.trouble:
            raise ServiceError(self.trouble)
        self.scene.done.append(("restart",))

    def uninstall(self) -> bool:
        return True

    def hints(self) -> list[str]:
        return []


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    scene = Scene(tmp_path / "state")
    monkeypatch.setattr(join_verb, "run_kubelet_verb", scene.enrol)
    monkeypatch.setattr(join_verb, "bring_up", scene.bring_up)
    monkeypatch.setattr(join_verb, "setproctitle", lambda title: scene.done.append(("is called", title)))
    monkeypatch.delenv("BRONZEWILLOW_TOKEN", raising=False)
    return scene


def said(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(join, words)
    assert result.exit_code == code, result.output
    return result.output


def test_it_enrols_and_is_the_node(scene: Scene) -> None:
    said("10.0.0.1:6443", "--outlet", "127.0.0.1:1080", "--token-file", "-", "--node-name=mac-1")
    assert scene.done == [
        ("join", "10.0.0.1:6443", "--token-file", "-", "--node-name", "mac-1"),
        ("up", "--node-name", "mac-1", "--outlet", "127.0.0.1:1080"),
    ]


@pytest.mark.parametrize("before", [(), ("kubeadm", "join")])
def test_what_kubeadm_prints_can_be_pasted(scene: Scene, before: tuple[str, ...]) -> None:
    words = ["10.0.0.1:6443", "--token", TOKEN, "--discovery-token-ca-cert-hash", "sha256:00"]
    said(*before, *words, "--no-start")
    assert scene.done == [
        ("is called", "bronzewillow join"),
        ("join", "10.0.0.1:6443", "--token", TOKEN, "--ca-cert-hash", "sha256:00"),
    ]


def test_a_token_is_in_no_list_of_processes_while_it_joins(tmp_path: Path) -> None:
    for name in ("bronzewillow", "llm-kubelet"):
        program = tmp_path / name
        program.write_text(Path(sys.executable).with_name(name).read_text())
        program.chmod(0o755)
    note = tmp_path / "note"
    (tmp_path / "llm-kubelet").write_text(
        f"#!{sys.executable}\n"
        "import os, pathlib, psutil, sys\n"
        "seen = [psutil.Process(os.getppid()).cmdline(), sys.argv[1:], dict(os.environ)]\n"
        f"pathlib.Path({str(note)!r}).write_text(repr(seen))\n"
    )
    words = ("kubeadm", "join", "10.0.0.1:6443", "--token", TOKEN, "--no-start")
    subprocess.run([tmp_path / "bronzewillow", "join", *words], check=True, capture_output=True)
    assert "10.0.0.1:6443" in note.read_text()
    assert TOKEN not in note.read_text()


def test_a_variable_with_a_token_is_for_the_joining_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRONZEWILLOW_TOKEN", TOKEN)
    had: list[object] = []

    def note(*_: object) -> int:
        had.append(os.environ.get(VARIABLE))
        return 0

    monkeypatch.setattr(join_verb, "run_kubelet_verb", note)
    monkeypatch.setattr(join_verb, "bring_up", note)
    said("10.0.0.1:6443")
    assert had == [TOKEN, None]


def test_an_enrolment_that_fails_starts_nothing(scene: Scene) -> None:
    scene.code = 1
    said("10.0.0.1:6443", code=1)
    assert scene.done == [("join", "10.0.0.1:6443")]


def test_a_service_is_handed_the_node(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(scene)
    monkeypatch.setattr(join_verb, "user_service", lambda: service)
    assert said("10.0.0.1:6443") == "its service starts it; its log: read it there\n"
    assert scene.done == [("join", "10.0.0.1:6443"), ("restart",)]
    assert "as it was installed" in said("10.0.0.1:6443", "--cni", "flannel")
    service.trouble = "launchctl: no"
    assert "launchctl: no; this machine has joined: bronzewillow up starts it" in said("x", code=1)


def test_a_node_in_a_folder_of_its_own_is_not_the_services(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/x")
    monkeypatch.setattr(join_verb, "user_service", lambda: Service(scene))
    said("10.0.0.1:6443", "--root", str(tmp_path / "n"))
    assert scene.done[-1] == ("up", "--root", str(tmp_path / "n"))


def test_a_second_one_says_what_this_machine_is(scene: Scene) -> None:
    scene.have_joined()
    assert f"has joined already: it is node mac-1 of {SERVER}; bronzewillow up starts it" in said(code=1)
    assert scene.done == []
    said("10.0.0.1:6443")  # with a token it goes through the steps again, and llm-kubelet keeps what is good
    assert [step[0] for step in scene.done] == ["join", "up"]


@pytest.mark.parametrize("words", [("--home", "/h"), ("--home=/h",)])
def test_a_home_that_the_node_would_not_find(scene: Scene, words: tuple[str, ...]) -> None:
    assert "--home goes with --no-start" in said("10.0.0.1:6443", *words, code=2)
    said("10.0.0.1:6443", *words, "--no-start")


def test_a_mistake_about_the_node_comes_before_the_token_is_spent(scene: Scene) -> None:
    assert "none: is no folder" in said("10.0.0.1:6443", "--manifests", "/none", code=1)
    assert scene.done == []


def test_what_an_administrator_applies_is_printed_and_nothing_starts(scene: Scene) -> None:
    said("--print-setup")
    assert scene.done == [("join", "--print-setup")]


def test_help_has_the_options_of_both_once() -> None:
    shown = said("--help")
    for option in ("--token-file", "--home", "--no-start", "--manifests", "--node-name", "--log-level"):
        assert len(re.findall(rf"^  {option} ", shown, re.MULTILINE)) == 1, option


def test_what_does_it_speaks_in_our_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    program = Path(sys.executable).with_name("bronzewillow")
    done = subprocess.run([program, "join", "--root", tmp_path, "x"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("bronzewillow: --token-file or --token is missing")
