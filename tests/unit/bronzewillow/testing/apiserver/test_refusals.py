from __future__ import annotations

import pytest

from bronzewillow.kube.errors import StatusError, status_error
from bronzewillow.kube.resources import LEASES, PODS
from bronzewillow.testing.apiserver import refusals
from bronzewillow.testing.apiserver.refusals import Refused


@pytest.mark.parametrize(
    ("refused", "kind", "words"),
    [
        (refusals.not_found(PODS, "a"), "NotFound", 'pods "a" not found'),
        (refusals.not_found(LEASES, "a"), "NotFound", 'leases.coordination.k8s.io "a" not found'),
        (refusals.already_exists(PODS, "a"), "AlreadyExists", 'pods "a" already exists'),
        (
            refusals.conflict(PODS, "a"),
            "Conflict",
            'Operation cannot be fulfilled on pods "a": the object has',
        ),
        (refusals.forbidden(PODS, "", "no"), "Forbidden", "pods is forbidden: no"),
        (refusals.expired("old"), "Expired", "old"),
        (
            refusals.invalid(PODS, "a", "spec.x", "Required value"),
            "Invalid",
            'Pod "a" is invalid: spec.x: Req',
        ),
        (refusals.bad_request("what"), "BadRequest", "what"),
        (refusals.unauthorized(), "Unauthorized", "Unauthorized"),
        (refusals.no_such_path(), "NotFound", "the server could not find the requested resource"),
        (refusals.method_not_allowed(PODS), "StatusError", "the server does not allow this method"),
        (refusals.unsupported_media_type("x/y"), "StatusError", "accepted media types include: x/y"),
    ],
)
def test_our_client_reads_them(refused: Refused, kind: str, words: str) -> None:
    error = status_error(refused.code, refused.status(), where="")
    assert type(error).__name__ == kind
    assert words in str(error)


def test_how_long_to_wait() -> None:
    refused = refusals.too_many_requests("slow", 7)
    error: StatusError = status_error(429, refused.status(), where="")
    assert error.retry_after_s == 7
