"""Which port a probe or a hook means."""

from __future__ import annotations

from kubelet.model.pod_spec import Object, integer, objects


class PortError(ValueError):
    """A probe's port is neither a number nor the name of one."""


def port_of(value: object, container: Object) -> int:
    """A number, a number as text, or the name of one of the container's ports. PortError."""
    if isinstance(value, str) and not value.isdecimal():
        found = [port for port in objects(container.get("ports")) if port.get("name") == value]
        number = integer(found[0].get("containerPort")) if found else 0
    else:
        number = int(value) if isinstance(value, int | str) else 0
    if not 0 < number < 65536:
        raise PortError(f"invalid port number: {value}")
    return number
