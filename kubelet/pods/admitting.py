"""What admission knows of the node, from its Node object. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kubelet.model.admission import NodeView
from kubelet.model.pod_spec import Object, labels_of, mapping, name, objects, spec, status, text


def node_view(
    node: Object, user_id: int, host_paths: Sequence[Path], *, is_shutting_down: bool = False
) -> NodeView:
    """`user_id`: who runs containers."""
    told = status(node)
    conditions = {text(one.get("type")): one for one in objects(told.get("conditions"))}
    pressures = {
        kind for kind, one in conditions.items() if kind.endswith("Pressure") and one.get("status") == "True"
    }
    return NodeView(
        name=name(node),
        labels={key: value for key, value in labels_of(node).items() if isinstance(value, str)},
        taints=list(objects(spec(node).get("taints"))),
        allocatable={key: str(value) for key, value in mapping(told.get("allocatable")).items()},
        user_id=user_id,
        os=text(mapping(told.get("nodeInfo")).get("operatingSystem")) or "darwin",
        host_path_roots=[str(path) for path in host_paths],
        pressures=frozenset(pressures),
        is_shutting_down=is_shutting_down,
    )
