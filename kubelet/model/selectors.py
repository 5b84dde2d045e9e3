"""Node selectors and affinity: whether a pod may stand on this node."""

from __future__ import annotations

import re

from kubelet.model.pod_spec import Object, mapping, objects, sequence, spec, text

_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)


def matches_node(pod: Object, node_name: str, labels: Object) -> bool:
    """`nodeSelector` and the required node affinity."""
    selector = mapping(spec(pod).get("nodeSelector"))
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = mapping(mapping(spec(pod).get("affinity")).get("nodeAffinity"))
    required = mapping(affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))
    if not required:
        return True
    terms = objects(required.get("nodeSelectorTerms"))
    return any(_matches_term(term, node_name, labels) for term in terms)


def _matches_term(term: Object, node_name: str, labels: Object) -> bool:
    expressions = list(objects(term.get("matchExpressions")))
    fields = list(objects(term.get("matchFields")))
    if not expressions and not fields:
        return False  # an empty term selects nothing
    names = {"metadata.name": node_name}
    return all(_matches(one, labels) for one in expressions) and all(_matches(one, names) for one in fields)


def _matches(requirement: Object, labels: Object) -> bool:
    value = labels.get(text(requirement.get("key")))
    values = sequence(requirement.get("values"))
    match requirement.get("operator"):
        case "In":
            return value is not None and value in values
        case "NotIn":
            return value is None or value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            if len(values) != 1 or not (_is_integer(value) and _is_integer(values[0])):
                return False
            left, right = int(str(value)), int(str(values[0]))
            return left > right if operator == "Gt" else left < right
    return False


def _is_integer(value: object) -> bool:
    return isinstance(value, str) and _INTEGER.fullmatch(value) is not None
