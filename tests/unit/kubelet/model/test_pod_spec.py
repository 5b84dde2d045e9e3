"""Reading pods."""

from __future__ import annotations

from typing import Any

import pytest

from kubelet.model import pod_spec
from kubelet.model.pod_spec import Kind, RestartPolicy


@pytest.mark.parametrize(
    "pod", [{}, {"metadata": 7, "spec": []}, {"metadata": {"name": 1}, "spec": {"containers": "x"}}]
)
def test_nothing_is_there_and_nothing_raises(pod: dict[str, Any]) -> None:
    assert (pod_spec.name(pod), pod_spec.namespace(pod), pod_spec.all_containers(pod)) == ("", "default", [])
    assert pod_spec.restart_policy(pod) is RestartPolicy.ALWAYS
    assert pod_spec.grace_s(pod) == 30
    assert not (pod_spec.is_static(pod) or pod_spec.is_mirror(pod) or pod_spec.is_deleted(pod))


def test_the_grace_is_the_deletions_once_there_is_one() -> None:
    pod: dict[str, Any] = {
        "metadata": {"deletionGracePeriodSeconds": 5},
        "spec": {"terminationGracePeriodSeconds": 60},
    }
    assert pod_spec.grace_s(pod) == 60
    pod["metadata"]["deletionTimestamp"] = "2025-01-01T00:00:00Z"
    assert pod_spec.grace_s(pod) == 5


def test_sources() -> None:
    assert pod_spec.is_static({"metadata": {"annotations": {"kubernetes.io/config.source": "file"}}})
    assert not pod_spec.is_static({"metadata": {"annotations": {"kubernetes.io/config.source": "api"}}})
    assert pod_spec.is_mirror({"metadata": {"annotations": {"kubernetes.io/config.mirror": "1"}}})


def test_texts() -> None:
    pod = {"metadata": {"name": "p", "namespace": "n", "uid": "u"}}
    assert pod_spec.full_name(pod) == "p_n(u)"
    assert pod_spec.field_path({"name": "llm"}, Kind.INIT) == "spec.initContainers{llm}"


def test_only_another_image_is_another_hash() -> None:
    before = pod_spec.spec_hash({"name": "llm", "image": "m:1"})
    assert pod_spec.spec_hash({"name": "llm", "image": "m:1", "resources": {}}) == before
    assert pod_spec.spec_hash({"name": "llm", "image": "m:2"}) != before


def test_an_orphan() -> None:
    pod = pod_spec.orphan_pod("u", "p", "n")
    assert (pod_spec.full_name(pod), pod_spec.all_containers(pod)) == ("p_n(u)", [])
