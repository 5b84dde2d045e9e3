"""Taints, and who tolerates them."""

from __future__ import annotations

from collections.abc import Iterable

from kubelet.model.pod_spec import Object, objects, spec, text

NO_EXECUTE = "NoExecute"


def untolerated(pod: Object, taints: Iterable[Object], effect: str = NO_EXECUTE) -> Object | None:
    """The first taint of that effect which the pod does not tolerate."""
    tolerations = list(objects(spec(pod).get("tolerations")))
    for taint in taints:
        if taint.get("effect") == effect and not any(tolerates(one, taint) for one in tolerations):
            return taint
    return None


def tolerates(toleration: Object, taint: Object) -> bool:
    """An empty effect or key stands for all."""
    if text(toleration.get("effect")) not in ("", taint.get("effect")):
        return False
    if text(toleration.get("key")) not in ("", taint.get("key")):
        return False
    operator = text(toleration.get("operator")) or "Equal"
    if operator == "Exists":
        return True
    return operator == "Equal" and text(toleration.get("value")) == text(taint.get("value"))


def taint_text(taint: Object) -> str:
    """As schedulers' messages have it: `{key: value}`."""
    return f"{{{text(taint.get('key'))}: {text(taint.get('value'))}}}"
