from __future__ import annotations

from pathlib import Path

from bronzewillow.testing.control_plane import programs
from bronzewillow.testing.control_plane.programs import Layout

LAYOUT = Layout(Path("/x"), 1, 2, 3, 4, 5)


def test_all_of_it_is_on_loopback_and_in_one_folder() -> None:
    commands = [
        programs.etcd(LAYOUT),
        programs.kube_apiserver(LAYOUT),
        programs.kube_controller_manager(LAYOUT),
        programs.kube_scheduler(LAYOUT),
    ]
    assert [command[0] for command in commands] == [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ]
    for command in commands:
        text = " ".join(command)
        assert "127.0.0.1" in text
        assert "0.0.0.0" not in text
        assert all(word.partition("=")[2].startswith("/x/") for word in command if "=/" in word)


def test_authorizers_are_those_of_a_cluster() -> None:
    command = programs.kube_apiserver(LAYOUT)
    assert "--authorization-mode=Node,RBAC" in command
    assert "--enable-admission-plugins=NodeRestriction" in command
    assert LAYOUT.server == "https://127.0.0.1:1"
