from __future__ import annotations

from pathlib import Path

import yaml

from kubelet.membership.cli import TAINT
from kubelet.membership.setup import setup_manifest, setup_objects


def test_what_is_printed_is_what_is_applied() -> None:
    text = setup_manifest("bronzewillow.io/llm=true:NoSchedule")
    assert list(yaml.safe_load_all(text)) == setup_objects()


def test_its_head_says_what_to_do_in_two_lines() -> None:
    head = setup_manifest("bronzewillow.io/llm=true:NoSchedule").split("apiVersion")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    assert "kubectl apply -f -" in head
    assert "kubeadm token create --print-join-command" in head
    assert "taint bronzewillow.io/llm=true:NoSchedule" in head
    assert "kubectl taint node NAME bronzewillow.io/llm-" in head


def test_every_binding_has_its_role_here_or_in_every_cluster() -> None:
    objects = setup_objects()
    own = {(one["kind"], one["metadata"]["name"]) for one in objects}
    of_kubernetes = {
        "extension-apiserver-authentication-reader",
        "system:node-bootstrapper",
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
    }
    for one in objects:
        if reference := one.get("roleRef"):
            assert (reference["kind"], reference["name"]) in own or reference["name"] in of_kubernetes


def test_nobody_is_given_secrets_or_everything() -> None:
    for one in setup_objects():
        for rule in one.get("rules", ()):
            assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])
            assert "secrets" not in rule["resources"]


def test_the_file_for_administrators_is_what_is_printed() -> None:
    file = Path(__file__).parents[4] / "deploy" / "setup.yaml"
    assert file.read_text(encoding="utf-8").strip() == setup_manifest(TAINT).strip()
