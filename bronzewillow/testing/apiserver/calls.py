"""A request, as authorization and admission see it: who wants to do what to which object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from bronzewillow.kube.resources import Resource
from bronzewillow.testing.apiserver.kinds import Kind, Kinds
from bronzewillow.testing.apiserver.refusals import NoSuchGroup, no_such_path

_READING = {"GET": "get", "HEAD": "get"}
_WRITING = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
NODE_PREFIX = "system:node:"


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def node(self) -> str | None:
        """The node that this is the identity of."""
        is_node = self.name.startswith(NODE_PREFIX) and "system:nodes" in self.groups
        return self.name.removeprefix(NODE_PREFIX) if is_node else None


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True, slots=True)
class Call:
    """What is to be done. One that is about no object has a `path` only."""

    user: User
    verb: str
    path: str = ""
    kind: Kind | None = None
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    """Of a proxied path."""
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def resource(self) -> Resource:
        """Of a call that is about objects."""
        assert self.kind is not None
        return self.kind.resource

    @property
    def full_resource(self) -> str:
        """`pods`, `pods/status`."""
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural


def parse_call(kinds: Kinds, user: User, method: str, path: str, query: Mapping[str, str]) -> Call:
    """What a request is about. Refused or NoSuchGroup for what is not served."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    verb = _READING.get(method) or _WRITING.get(method, method.lower())
    match parts:
        case ["api", version, *rest] if rest:
            group = ""
        case ["apis", group, version, *rest] if rest:
            pass
        case _:
            return Call(user, verb, path=path, query=query)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    kind = kinds.find(group, version, rest[0])
    if kind is None and not kinds.serves(group, version):
        raise NoSuchGroup
    if kind is None or (namespace and not kind.resource.namespaced):
        raise no_such_path()
    name = rest[1] if len(rest) > 1 else ""
    if not name:
        watches = query.get("watch") in ("1", "true")
        verb = {"get": "watch" if watches else "list", "delete": "deletecollection"}.get(verb, verb)
    elif kind.resource.namespaced and not namespace:
        raise no_such_path()
    subresource = rest[2] if len(rest) > 2 else ""
    return Call(user, verb, path, kind, namespace, name, subresource, "/".join(rest[3:]), query)
