"""Field and label selectors. Pure; a selector that is none is a ValueError."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bronzewillow.kube.resources import Object

Match = Callable[[Object], bool]

# Only these have field selectors beside metadata.name and metadata.namespace.
_FIELDS: dict[str, set[str]] = {
    "Pod": {
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    },
    "Node": {"spec.unschedulable"},
    "Event": {
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    },
    "Secret": {"type"},
    "Namespace": {"status.phase"},
    "CertificateSigningRequest": {"spec.signerName"},
}
_LABEL_TERM = re.compile(
    r"\s*(?P<not>!?)\s*(?P<key>[\w./-]+)\s*"
    r"(?:(?P<op>==|=|!=)\s*(?P<value>[\w.-]*)|(?P<in>in|notin)\s*\((?P<values>[^)]*)\))?\s*"
)


def field_terms(kind: str, selector: str) -> list[tuple[str, str, bool]]:
    """(path, value, whether it must be equal) for each term."""
    terms = []
    for term in filter(None, selector.split(",")):
        path, sign, value = re.split(r"(==|!=|=)", term, maxsplit=1) if "=" in term else (term, "", "")
        if not sign:
            raise ValueError(f"invalid selector: '{selector}'; can't understand '{term}'")
        known = {"metadata.name", "metadata.namespace", *_FIELDS.get(kind, ())}
        if path not in known:
            raise ValueError(f"field label not supported: {path}")
        terms.append((path, value, sign != "!="))
    return terms


def fields_match(kind: str, selector: str) -> Match:
    """Whether an object is selected."""
    terms = field_terms(kind, selector)
    return lambda obj: all((_field(obj, path) == value) is equal for path, value, equal in terms)


def labels_match(selector: str) -> Match:
    """Whether an object is selected."""
    tests: list[Callable[[dict[str, str]], bool]] = []
    place = 0
    while place < len(selector):
        found = _LABEL_TERM.match(selector, place)
        if found is None or (found.end() < len(selector) and selector[found.end()] != ","):
            raise ValueError(f"unable to parse requirement: {selector!r}")
        tests.append(_label_test(found))
        place = found.end() + 1
    return lambda obj: all(test(obj["metadata"].get("labels") or {}) for test in tests)


def matches_labels(selector: dict[str, Any] | None, labels: dict[str, str]) -> bool:
    """A Service's or a Deployment's `matchLabels`; none matches nothing."""
    return bool(selector) and all(labels.get(key) == value for key, value in (selector or {}).items())


def _label_test(term: re.Match[str]) -> Callable[[dict[str, str]], bool]:
    key = term["key"]
    if term["op"]:
        equal, value = term["op"] != "!=", term["value"]
        return lambda labels: (labels.get(key) == value) is equal
    if term["in"]:
        values = {value.strip() for value in term["values"].split(",")}
        wanted = term["in"] == "in"
        return lambda labels: (labels.get(key) in values) is wanted
    present = not term["not"]
    return lambda labels: (key in labels) is present


def _field(obj: Any, path: str) -> str:
    for part in path.split("."):
        obj = obj.get(part) if isinstance(obj, dict) else None
    if isinstance(obj, bool):
        return "true" if obj else "false"
    return "" if obj is None else str(obj)
