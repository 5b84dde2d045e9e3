"""What a pod names."""

from __future__ import annotations

from kubelet.model.references import References, references


def test_all_places() -> None:
    spec = {
        "imagePullSecrets": [{"name": "pull"}, {}],
        "volumes": [
            {"name": "a", "configMap": {"name": "c1"}},
            {"name": "b", "secret": {"secretName": "s1"}},
            {
                "name": "c",
                "projected": {"sources": [{"configMap": {"name": "c2"}}, {"secret": {"name": "s2"}}]},
            },
            {"name": "d", "emptyDir": {}},
        ],
        "initContainers": [
            {"name": "i", "envFrom": [{"configMapRef": {"name": "c3"}}, {"secretRef": {"name": "s3"}}]}
        ],
        "containers": [
            {
                "name": "llm",
                "env": [
                    {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c4"}}},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s4"}}},
                    {"name": "C", "value": "x"},
                ],
            }
        ],
    }
    assert references({"spec": spec}) == References(
        frozenset({"c1", "c2", "c3", "c4"}), frozenset({"s1", "s2", "s3", "s4"}), ("pull",)
    )
    assert references({}) == References(frozenset(), frozenset(), ())
