from __future__ import annotations

from pathlib import Path

import pytest

from kubelet.static.documents import parse_documents
from kubelet.static.manifest import Container, Mount, Pod, parse_manifest

PLAIN = """\
apiVersion: v1
kind: Pod
metadata:
  name: tiny
spec:
  containers:
  - name: llm
    image: team/tiny
"""


def parse(text: str, node: str = "mac", file: str = "tiny.yaml") -> tuple[list[Pod], list[str], list[str]]:
    (document,) = parse_documents(text)
    pods, problems = parse_manifest(document, Path(file), node)
    return pods, problems.found, problems.notes


def test_a_short_one() -> None:
    (pod,), problems, notes = parse(PLAIN)
    assert problems == notes == []
    assert (pod.full_name, pod.restart_policy, pod.grace_s, pod.file) == (
        "default/tiny-mac", "Always", 30, "tiny.yaml",
    )  # fmt: skip
    assert pod.containers == (Container("llm", "team/tiny", "IfNotPresent", (), (), (), (), 0, ()),)
    assert len(pod.uid) == 32


def test_everything_that_counts() -> None:
    (pod,), problems, notes = parse(
        PLAIN.replace("name: tiny", "name: tiny\n  namespace: models\n  labels: {app: tiny}\n  uid: x")
        + """\
    command: [runm, serve]
    args: [--context, "2048"]
    imagePullPolicy: Always
    env: [{name: RUNM_THREADS, value: "4"}]
    ports: [{name: http, containerPort: 9000}, {containerPort: 8080, protocol: TCP}]
    resources: {limits: {memory: 1Gi}}
    volumeMounts: [{name: lora, mountPath: /lora, subPath: a/b, readOnly: true}]
    securityContext: {runAsNonRoot: true, capabilities: {drop: [ALL]}}
  restartPolicy: OnFailure
  terminationGracePeriodSeconds: 5
  volumes: [{name: lora, hostPath: {path: /var/lora/, type: Directory}}]
status: {phase: Running}
"""
    )
    assert problems == notes == []
    assert (pod.namespace, pod.labels, pod.restart_policy, pod.grace_s) == (
        "models", (("app", "tiny"),), "OnFailure", 5,
    )  # fmt: skip
    assert pod.containers == (
        Container(
            "llm", "team/tiny", "Always", ("runm", "serve"), ("--context", "2048"), (("RUNM_THREADS", "4"),),
            (8080, 9000), 1 << 30, (Mount("/lora", "/var/lora/a/b", True),), (("http", 9000),),
        ),
    )  # fmt: skip


def test_the_uid_is_what_the_manifest_says() -> None:
    def uid(text: str = PLAIN, node: str = "mac", file: str = "tiny.yaml") -> str:
        return parse(text, node, file)[0][0].uid

    same = uid('{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "tiny"}, "spec": '
               '{"containers": [{"image": "team/tiny", "name": "llm"}]}}')  # fmt: skip
    assert uid() == same == uid(PLAIN + "status: {x: 1}\n", file="folder/tiny.yaml")
    assert len({uid(), uid(PLAIN + "    args: [--verbose]\n"), uid(node="other"), uid(file="b.yaml")}) == 4


def test_lists_and_other_kinds() -> None:
    item = "".join(f"  {line}\n" for line in PLAIN.splitlines())
    pods, problems, _ = parse("apiVersion: v1\nkind: List\nitems:\n-" + item[1:])
    assert ([pod.name for pod in pods], problems) == (["tiny-mac"], [])
    pods, problems, notes = parse("apiVersion: v1\nkind: Service\nmetadata: {name: x}\n")
    assert (pods, problems) == ([], [])
    assert notes == ["tiny.yaml:2: kind: Service: only Pods are run from a folder"]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("  hostNetwork: true", "tiny.yaml:9: spec.hostNetwork: cannot be done for a static pod"),
        ("  initContainers: [{name: a}]", "tiny.yaml:9: spec.initContainers: cannot be done"),
        ("  container: []", "spec.container: unknown key; did you mean containers?"),
        ("  restartPolicy: Sometimes", "spec.restartPolicy: 'Sometimes' is not one of: Always,"),
        ("  terminationGracePeriodSeconds: -1", "-1 is not between 0 and 3600"),
        ("    tty: true", "spec.containers[0].tty: cannot be done"),
        ("    env: [{name: A, valueFrom: {fieldRef: {}}}]", "env[0].valueFrom: cannot be done"),
        ("    env: [{name: A, value: $(B)}]", "env[0].value: $(...) is not replaced"),
        ("    env: [{name: A, value: 4}]", "env[0].value: expected a text, got a number"),
        ("    env: [{name: A B, value: x}]", "'A B': is no name of a variable"),
        ("    args: [$(A)]", "args: $(...) is not replaced"),
        ("    ports: [{containerPort: 80, hostPort: 80}]", "ports[0].hostPort: cannot be mapped"),
        ("    ports: [{containerPort: 70000}]", "70000 is not between 1 and 65535"),
        ("    ports: [{containerPort: 53, protocol: UDP}]", "served on TCP alone"),
        ("    resources: {limits: {memory: lots}}", "resources.limits.memory: 'lots' is not a quantity"),
        ("    resources: {limits: {memory: -1Gi}}", "resources.limits.memory: '-1Gi' is less than nothing"),
        ("    volumeMounts: [{name: a, mountPath: /a}]", "there is no volume 'a'; there are: none"),
        ("    securityContext: {privileged: true}", "securityContext.privileged: there is no"),
        ("    securityContext: {capabilities: {add: [X]}}", "capabilities.add: cannot be done"),
        ("  volumes: [{name: a, emptyDir: {}}]", "spec.volumes[0]: volume 'a': only hostPath can be had"),
        ("  volumes: [{name: a, hostPath: {path: a}}]", "hostPath.path: 'a' is not an absolute path"),
        ("  - {name: llm, image: x, ports: [{containerPort: 1}]}", "another container is called 'llm', too"),
        ("  - {name: b, image: x}", "spec.containers[1]: port 8080 is that of container 'llm', too"),
        ("  - {name: B, image: x, ports: [{containerPort: 1}]}", "spec.containers[1].name: 'B': write"),
    ],
)  # fmt: skip
def test_mistakes(more: str, line: str) -> None:
    _, problems, _ = parse(f"{PLAIN}{more}\n")
    (problem,) = problems
    assert line in problem


def test_mistakes_at_the_top() -> None:
    assert parse("[1]")[1] == [
        "tiny.yaml:1: is no manifest: expected an object with apiVersion, kind and metadata"
    ]
    assert parse("apiVersion: v2\nkind: Pod\nmetadata: {name: ../x}\nspec: {}\n")[1] == [
        "tiny.yaml:1: apiVersion: 'v2' is not v1",
        "tiny.yaml:3: metadata.name: '../x': write lower-case letters, digits, '-' and '.', "
        "at most 249 of them",
        "tiny.yaml:4: spec.containers: a pod needs at least one",
    ]
    more = PLAIN.replace("name: tiny", "name: tiny\n  namespace: ../x")
    assert "metadata.namespace" in parse(more)[1][0]
    mount = (
        PLAIN + "    volumeMounts: [{name: a, mountPath: a, subPath: ../b}]\n"
        "  volumes: [{name: a, hostPath: {path: /a}}]\n"
    )
    assert [problem.split(": ")[1] for problem in parse(mount)[1]] == [
        "spec.containers[0].volumeMounts[0].mountPath",
        "spec.containers[0].volumeMounts[0].subPath",
    ]


def test_what_only_a_cluster_could_look_at_is_left_out_with_a_note() -> None:
    _, problems, notes = parse(
        PLAIN
        + "    readinessProbe: {httpGet: {port: 1}}\n    resources: {requests: {cpu: 1}, limits: {cpu: 1}}\n"
        "  nodeSelector: {a: b}\n"
    )
    assert problems == []
    assert [note.split(": ")[1] for note in notes] == [
        "spec.nodeSelector",
        "spec.containers[0].readinessProbe",
        "spec.containers[0].resources.requests",
        "spec.containers[0].resources.limits.cpu",
    ]
