from __future__ import annotations

import pytest

from bronzewillow.testing.apiserver.authorization import Authorizer
from bronzewillow.testing.apiserver.calls import ANONYMOUS, User, parse_call
from bronzewillow.testing.apiserver.kinds import Kinds
from bronzewillow.testing.apiserver.refusals import Refused
from bronzewillow.testing.apiserver.store import Store

ANNA = User("anna", ("system:authenticated",))
NODE = User("system:node:a", ("system:nodes", "system:authenticated"))


def check(user: User, method: str, path: str) -> None:
    Authorizer(Store()).check(parse_call(Kinds(), user, method, path, {}))


def test_what_anybody_may() -> None:
    check(ANONYMOUS, "GET", "/version")
    check(ANNA, "GET", "/apis")
    check(ANNA, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews")
    check(NODE, "GET", "/api/v1/services")


@pytest.mark.parametrize(
    ("user", "method", "path", "words"),
    [
        (
            ANNA,
            "GET",
            "/api/v1/nodes/a",
            'nodes "a" is forbidden: User "anna" cannot get resource "nodes" in API group "" at the cluster',
        ),
        (
            ANONYMOUS,
            "PATCH",
            "/apis/apps/v1/namespaces/d/deployments/x/status",
            'cannot patch resource "deployments/status" in API group "apps" in the namespace "d"',
        ),
        (ANONYMOUS, "GET", "/api", 'forbidden: User "system:anonymous" cannot get path "/api"'),
        (NODE, "GET", "/api/v1/pods", "can only list/watch pods with spec.nodeName field selector"),
    ],
)
def test_refusals(user: User, method: str, path: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        check(user, method, path)
    assert words in str(caught.value)
    assert caught.value.code == 403
