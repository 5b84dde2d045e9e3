"""Whose a thing of the runtime is."""

from __future__ import annotations

from kubelet.provider.labels import POD_NAME, POD_NAMESPACE, POD_UID, PodKey, pod_key


def test_a_kubelets_things_are_known_again() -> None:
    labels = {POD_NAME: "a", POD_NAMESPACE: "n", POD_UID: "1", "app": "x"}
    assert pod_key(labels) == PodKey("1", "a", "n")


def test_others_are_nobodys() -> None:
    assert pod_key({"app": "x", POD_NAME: "a"}) is None
