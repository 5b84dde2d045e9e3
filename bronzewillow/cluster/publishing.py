"""From what must stand in the cluster and what does, to the next write. Pure.

Publications come in an order that peers depend on: one is written only when all before it stand. Each pass
begins at the first, so what somebody else has changed is written anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bronzewillow.adapters.network import Cluster, Json, Publication, Resource, Write


class Verb(StrEnum):
    """What to ask of the API server."""

    CREATE = "create"
    REPLACE = "replace"
    PATCH = "patch"
    PATCH_STATUS = "patch status"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class NextWrite:
    """The next request that brings the cluster closer to what is to be published."""

    verb: Verb
    resource: Resource
    name: str
    """The object's name, or namespace/name."""
    body: Json
    """A whole object, or a merge patch; empty for DELETE."""


def next_write(publications: Sequence[Publication], cluster: Cluster) -> NextWrite | None:
    """The first publication that does not stand yet, as a request; None when all do."""
    for publication in publications:
        observed = cluster.get(publication.resource, publication.name)
        request = _request(publication, observed)
        if request is not None:
            return request
    return None


def _request(publication: Publication, observed: Json | None) -> NextWrite | None:
    resource, name, body = publication.resource, publication.name, publication.body
    match publication.write:
        case Write.DELETE:
            return None if observed is None else NextWrite(Verb.DELETE, resource, name, {})
        case Write.MERGE | Write.MERGE_STATUS:
            if observed is None or _stands(body, observed):  # what is to be changed must be there
                return None
            status = publication.write is Write.MERGE_STATUS
            return NextWrite(Verb.PATCH_STATUS if status else Verb.PATCH, resource, name, body)
        case Write.ENSURE:
            if observed is None:
                return NextWrite(Verb.CREATE, resource, name, body)
            if _stands(body, observed):
                return None
            return NextWrite(Verb.REPLACE, resource, name, _merged(observed, body))


def _stands(wanted: Any, observed: Any) -> bool:
    """Whether everything wanted is there; None means that nothing may be there."""
    if isinstance(wanted, Mapping):
        if not wanted:
            return observed is None or isinstance(observed, Mapping)
        if not isinstance(observed, Mapping):
            return all(value is None for value in wanted.values()) and observed is None
        return all(_stands(value, observed.get(key)) for key, value in wanted.items())
    return bool(wanted == observed)


def _merged(observed: Any, wanted: Any) -> Any:
    """`observed` with what is wanted in it: resourceVersion and foreign fields stay."""
    if not isinstance(observed, Mapping) or not isinstance(wanted, Mapping):
        return wanted
    return {**observed, **{key: _merged(observed.get(key), value) for key, value in wanted.items()}}
