"""Environment variables of Services. k/k pkg/kubelet/envvars."""

from __future__ import annotations

from collections.abc import Iterable

from kubelet.model.pod_spec import Object, integer, name, namespace, objects, spec, text

_MASTER = ("default", "kubernetes")


def service_variables(services: Iterable[Object], pod: Object) -> dict[str, str]:
    """Of the pod's namespace, unless it wants none, and always of the API server's."""
    wants_links = spec(pod).get("enableServiceLinks") is not False
    chosen: dict[str, Object] = {}
    for service in services:
        where = (namespace(service), name(service))
        if not _has_address(service):
            continue
        is_near = wants_links and namespace(service) == namespace(pod)
        if is_near or (where == _MASTER and where[1] not in chosen):
            chosen[name(service)] = service
    variables: dict[str, str] = {}
    for _, service in sorted(chosen.items()):
        variables |= _of(service)
    return variables


def _of(service: Object) -> dict[str, str]:
    prefix = name(service).upper().replace("-", "_")
    address = text(spec(service).get("clusterIP"))
    ports = [port for port in objects(spec(service).get("ports")) if integer(port.get("port"))]
    variables = {f"{prefix}_SERVICE_HOST": address}
    if ports:
        variables[f"{prefix}_SERVICE_PORT"] = str(ports[0]["port"])
    for port in ports:
        if text(port.get("name")):
            key = f"{prefix}_SERVICE_PORT_{text(port.get('name')).upper().replace('-', '_')}"
            variables[key] = str(port["port"])
    for index, port in enumerate(ports):
        variables |= _link(prefix, address, port, is_first=index == 0)
    return variables


def _link(prefix: str, address: str, port: Object, *, is_first: bool) -> dict[str, str]:
    protocol = text(port.get("protocol")) or "TCP"
    number = str(port["port"])
    host = f"[{address}]" if ":" in address else address
    url = f"{protocol.lower()}://{host}:{number}"
    key = f"{prefix}_PORT_{number}_{protocol.upper()}"
    link = {key: url, f"{key}_PROTO": protocol.lower(), f"{key}_PORT": number, f"{key}_ADDR": address}
    return {f"{prefix}_PORT": url, **link} if is_first else link


def _has_address(service: Object) -> bool:
    return text(spec(service).get("clusterIP")) not in ("", "None")
