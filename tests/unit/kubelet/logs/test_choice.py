"""Which run of which container is meant."""

from __future__ import annotations

import pytest

from kubelet.logs.choice import NoSuchLog, choose_pod, choose_run
from runtime.api import cri_pb2 as api


def sandbox(name: str, uid: str = "", at: int = 1, default: str = "") -> api.PodSandbox:
    namespace, _, short = name.partition("/")
    return api.PodSandbox(
        id=f"{name}@{at}",
        metadata=api.PodSandboxMetadata(namespace=namespace, name=short, uid=uid or name),
        created_at=at,
        annotations={"kubectl.kubernetes.io/default-container": default},
    )


def container(
    id: str, at: int, name: str = "llm", state: api.ContainerState = api.CONTAINER_EXITED, of: str = "a/x@1"
) -> api.Container:
    metadata = api.ContainerMetadata(name=name)
    return api.Container(id=id, pod_sandbox_id=of, metadata=metadata, state=state, created_at=at)


PODS = [sandbox("a/tiny-mac"), sandbox("b/tiny-mac"), sandbox("a/x"), sandbox("a/x2")]
RUNNING, CREATED = api.CONTAINER_RUNNING, api.CONTAINER_CREATED


@pytest.mark.parametrize(
    ("wanted", "namespace", "name"),
    [
        ("a/tiny-mac", None, "a/tiny-mac"), ("b/t", None, "b/tiny-mac"), ("tiny", "b", "b/tiny-mac"),
        ("x", None, "a/x"), ("x2", "a", "a/x2"),
    ],
)  # fmt: skip
def test_a_pod_by_what_people_call_it(wanted: str, namespace: str | None, name: str) -> None:
    assert choose_pod(wanted, namespace, PODS).metadata.uid == name


@pytest.mark.parametrize(
    ("wanted", "namespace", "said"),
    [
        ("tiny", None, "pod 'tiny': is not the only one; there are: a/tiny-mac, b/tiny-mac"),
        ("y", None, "pod 'y': is not here; there are: a/tiny-mac, a/x, a/x2, b/tiny-mac"),
        ("x", "b", "pod 'x': is not here; there are in namespace b: b/tiny-mac"),
        ("x", "c", "pod 'x': is not here; there are in namespace c: none"),
    ],
)
def test_a_pod_that_cannot_be_told(wanted: str, namespace: str | None, said: str) -> None:
    with pytest.raises(NoSuchLog) as error:
        choose_pod(wanted, namespace, PODS)
    assert str(error.value) == said


def test_a_pod_that_is_made_anew_is_the_newer_one() -> None:
    for pods in ([old := sandbox("a/x", "1", 1), new := sandbox("a/x", "2", 2)], [new, old]):
        assert choose_pod("x", None, pods) is new
        with pytest.raises(NoSuchLog, match=r"^a/x: has no container yet; bronzewillow status tells"):
            choose_run(new, None, pods, [container("c", 1)], is_previous=False)


@pytest.mark.parametrize(
    ("containers", "newest", "previous"),
    [
        ([container("0", 1), container("1", 2, state=RUNNING)], "1", "0"),
        ([container("1", 2, state=RUNNING), container("0", 1)], "1", "0"),
        ([container("0", 1), container("1", 2)], "1", "1"),  # it waits to be started again
        ([container("0", 1), container("1", 2, state=CREATED)], "0", "0"),
        ([container("0", 3), container("9", 2), container("s", 4, "side")], "0", "0"),
    ],
)
def test_the_run_that_is_meant(containers: list[api.Container], newest: str, previous: str) -> None:
    pods = [sandbox("a/x")]
    assert choose_run(pods[0], "llm", pods, containers, is_previous=False).id == newest
    assert choose_run(pods[0], "llm", pods, containers, is_previous=True).id == previous


def test_runs_in_an_earlier_sandbox_of_the_pod_count_and_those_of_others_do_not() -> None:
    pods = [sandbox("a/x", "u", 1), sandbox("a/x", "u", 5), sandbox("b/x", "v", 2)]
    runs = [container("0", 2), container("1", 6, of="a/x@5", state=RUNNING), container("2", 7, of="b/x@2")]
    assert choose_run(pods[1], None, pods, runs, is_previous=False).id == "1"
    assert choose_run(pods[1], None, pods, runs, is_previous=True).id == "0"


@pytest.mark.parametrize(
    ("wanted", "is_previous", "said"),
    [
        (None, False, "a/x: has several containers: llm, side; choose one with --container"),
        ("sid", False, "a/x: container 'sid' is not here; there are: llm, side"),
        ("side", False, "a/x: container side has not been started yet"),
        ("llm", True, "a/x: container llm has not ended yet: there is no previous run of it"),
    ],
)
def test_a_container_that_cannot_be_told(wanted: str | None, is_previous: bool, said: str) -> None:
    pods = [sandbox("a/x")]
    runs = [container("0", 1, state=RUNNING), container("1", 1, "side", CREATED)]
    with pytest.raises(NoSuchLog) as error:
        choose_run(pods[0], wanted, pods, runs, is_previous=is_previous)
    assert str(error.value) == said


def test_an_annotation_names_the_container_that_people_mean() -> None:
    pods = [sandbox("a/x", default="side")]
    runs = [container("0", 1, state=RUNNING), container("1", 1, "side", RUNNING)]
    assert choose_run(pods[0], None, pods, runs, is_previous=False).id == "1"
