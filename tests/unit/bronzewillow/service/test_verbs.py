from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bronzewillow.service import verbs
from bronzewillow.service.systemd import UNIT, SystemdUnit
from bronzewillow.service.verbs import install, uninstall

from .conftest import Programs


@pytest.fixture
def home(tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a user whose manager does all that it is told."""
    programs.make("systemctl", 'test "$2" != is-active')
    programs.make("loginctl")
    home = tmp_path / "home"
    monkeypatch.setattr(verbs, "user_service", lambda: SystemdUnit(home, {}))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return home


def said(command: object, *words: str, code: int = 0) -> str:
    result = CliRunner().invoke(command, words)  # type: ignore[arg-type]
    assert result.exit_code == code, result.output
    return result.output


def test_install_writes_what_up_is_told(home: Path, tmp_path: Path) -> None:
    pods = tmp_path / "pods"
    pods.mkdir()
    output = said(install, "--manifests", str(pods), "--log-level", "debug")
    assert output.startswith("the node is installed, and starts\n")
    assert "enable-linger" in output
    assert output.endswith(f"its log: journalctl --user -u {UNIT} -f\n")
    text = (home / ".config/systemd/user" / UNIT).read_text()
    assert f'bronzewillow" "up" "--manifests" "{pods}" "--log-level" "debug"\n' in text


def test_a_node_without_pods_is_told_how_it_gets_some(home: Path) -> None:
    assert "bronzewillow join makes it a node of a cluster" in said(install)


def have_joined(state: Path) -> Path:
    folder = state / "bronzewillow/kubelet"
    folder.mkdir(parents=True)
    (folder / "node.json").write_text('{"node_name": "mac-1", "server": "https://10.0.0.1:6443"}')
    (folder / "network-kubeconfig").touch()
    return folder


def test_what_up_would_refuse_is_no_service(home: Path, programs: Programs, tmp_path: Path) -> None:
    for words in (("--outlet", "127.0.0.1:1080"), ("--kubelet-arg", "max-pods=20")):
        assert f"{words[0]}: is for a node of a cluster" in said(install, *words, code=1)
        assert f"{words[0]}: is for a node of a cluster" in said(install, *words, "--print", code=1)
    folder = have_joined(tmp_path / "state")
    assert '"--outlet" "127.0.0.1:1080"' in said(install, "--outlet", "127.0.0.1:1080", "--print")
    (folder / "network-kubeconfig").unlink()
    assert "has no identity for its network" in said(install, code=1)
    assert programs.calls() == []
    assert not home.exists()


def test_a_node_in_a_folder_of_its_own_has_its_cluster_there(home: Path, tmp_path: Path) -> None:
    have_joined(tmp_path / "state")
    root = tmp_path / "root"
    words = ("--root", str(root), "--outlet", "127.0.0.1:1080")
    assert "--outlet: is for a node of a cluster" in said(install, *words, code=1)
    have_joined(root / "state")
    (tmp_path / "state/bronzewillow/kubelet/node.json").unlink()
    assert "it is node mac-1 of https://10.0.0.1:6443\n" in said(install, *words)


def test_a_root_too_long_for_sockets_is_refused_before_anything_is_made(
    home: Path, programs: Programs, tmp_path: Path
) -> None:
    root = tmp_path / ("x" * 80)
    for words in (["--root", str(root)], ["--root", str(root), "--print"]):
        assert f"--root {root}: its path is longer by" in said(install, *words, code=1)
    assert programs.calls() == []
    assert not home.exists() and not root.exists()


def test_a_node_of_a_cluster_stays_one(home: Path, tmp_path: Path) -> None:
    have_joined(tmp_path / "state")
    assert "it is node mac-1 of https://10.0.0.1:6443\n" in said(install)
    output = said(uninstall)
    assert output.startswith("the service has ended, and is removed\nthis machine is still node mac-1")
    assert "bronzewillow leave takes it out" in output
    assert said(uninstall).startswith("no such service is installed\n")


def test_print_changes_nothing(home: Path, programs: Programs) -> None:
    assert said(install, "--print").startswith("[Unit]\n")
    assert programs.calls() == []
    assert not home.exists()


def test_what_cannot_be_is_one_line(home: Path, programs: Programs, tmp_path: Path) -> None:
    assert "--log-file: a service has a log of its own" in said(install, "--log-file", "x", code=1)
    assert "none: is no folder" in said(install, "--manifests", str(tmp_path / "none"), code=1)
    programs.make("systemctl", "echo 'Failed to connect to bus' >&2; exit 1")
    assert "no user manager of systemd answers" in said(install, code=1)
