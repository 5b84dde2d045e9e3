"""What an API server says no with: `metav1.Status`, in its own words."""

from __future__ import annotations

from typing import Any

from bronzewillow.kube.resources import Object, Resource

CHANGED = "the object has been modified; please apply your changes to the latest version and try again"


class Refused(Exception):
    """Ends a request."""

    def __init__(self, code: int, reason: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code, self.reason, self.details = code, reason, details

    def status(self) -> Object:
        """As the client reads it."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }


def qualified(resource: Resource) -> str:
    """`pods`, `leases.coordination.k8s.io`."""
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


def bad_request(message: str) -> Refused:
    """400."""
    return Refused(400, "BadRequest", message)


def unauthorized() -> Refused:
    """401."""
    return Refused(401, "Unauthorized", "Unauthorized")


def forbidden(resource: Resource, name: str, message: str) -> Refused:
    """403."""
    about = f'{qualified(resource)} "{name}"' if name else qualified(resource)
    details = {"name": name, "group": resource.group, "kind": resource.plural}
    return Refused(403, "Forbidden", f"{about} is forbidden: {message}", **details)


def not_found(resource: Resource, name: str) -> Refused:
    """404 for an object."""
    message = f'{qualified(resource)} "{name}" not found'
    return Refused(404, "NotFound", message, name=name, group=resource.group, kind=resource.plural)


class NoSuchGroup(Exception):
    """404 for a group or a version: that answer is no Status."""


def no_such_path() -> Refused:
    """404 for a kind."""
    return Refused(404, "NotFound", "the server could not find the requested resource")


def method_not_allowed(resource: Resource) -> Refused:
    """405."""
    return Refused(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
        group=resource.group,
        kind=resource.plural,
    )


def already_exists(resource: Resource, name: str) -> Refused:
    """409 on create."""
    message = f'{qualified(resource)} "{name}" already exists'
    return Refused(409, "AlreadyExists", message, name=name, group=resource.group, kind=resource.plural)


def conflict(resource: Resource, name: str, why: str = CHANGED) -> Refused:
    """409 on update."""
    message = f'Operation cannot be fulfilled on {qualified(resource)} "{name}": {why}'
    return Refused(409, "Conflict", message, name=name, group=resource.group, kind=resource.plural)


def expired(message: str) -> Refused:
    """410."""
    return Refused(410, "Expired", message)


def unsupported_media_type(accepted: str) -> Refused:
    """415."""
    return Refused(
        415,
        "UnsupportedMediaType",
        f"the body of the request was in an unknown format - accepted media types include: {accepted}",
    )


def invalid(
    resource: Resource, name: str, field: str, why: str, reason: str = "FieldValueInvalid"
) -> Refused:
    """422 for one field; `why` in full, such as `Required value`."""
    about = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    return Refused(
        422,
        "Invalid",
        f'{about} "{name}" is invalid: {field}: {why}',
        name=name,
        group=resource.group,
        kind=resource.kind,
        causes=[{"reason": reason, "message": why, "field": field}],
    )


def too_many_requests(message: str, retry_after_s: int) -> Refused:
    """429."""
    return Refused(429, "TooManyRequests", message, retryAfterSeconds=retry_after_s)
