"""Questions and small requests: TokenReview, SubjectAccessReview, TokenRequest, bindings, evictions."""

from __future__ import annotations

from typing import Any

from bronzewillow.kube.resources import PODS, Object, Resource
from bronzewillow.kube.times import emit_time
from bronzewillow.testing.apiserver import node_restriction
from bronzewillow.testing.apiserver.authorization import Authorizer
from bronzewillow.testing.apiserver.calls import Call, User
from bronzewillow.testing.apiserver.kinds import POD_DISRUPTION_BUDGETS, Kind, Kinds
from bronzewillow.testing.apiserver.objects import Objects
from bronzewillow.testing.apiserver.refusals import (
    conflict,
    invalid,
    no_such_path,
    not_found,
    too_many_requests,
)
from bronzewillow.testing.apiserver.selectors import matches_labels
from bronzewillow.testing.apiserver.store import Store
from bronzewillow.testing.apiserver.tokens import AUDIENCE, Tokens

_SHORTEST_LIFE_S, _USUAL_LIFE_S = 600, 3600
_TOKEN_REQUESTS = Resource("authentication.k8s.io", "v1", "tokenrequests", "TokenRequest")
_SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


class Reviews:
    """Answers what is not kept."""

    def __init__(
        self, store: Store, kinds: Kinds, objects: Objects, tokens: Tokens, authorizer: Authorizer
    ) -> None:
        self._store, self._kinds, self._objects = store, kinds, objects
        self._tokens, self._authorizer = tokens, authorizer

    def answer(self, call: Call, body: Object) -> Object:
        """A review, answered."""
        spec: dict[str, Any] = body.get("spec") or {}
        match call.resource.plural:
            case "tokenreviews":
                status = self._token_review(spec)
            case "subjectaccessreviews":
                extra = {key: [*values] for key, values in (spec.get("extra") or {}).items()}
                user = User(spec.get("user", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""), extra)
                status = self._access(user, spec)
            case "selfsubjectaccessreviews":
                status = self._access(call.user, spec)
            case _:
                status = {"userInfo": _user_info(call.user)}
        return {**body, "metadata": {"creationTimestamp": None}, "status": status}

    def subresource(self, call: Call, body: Object) -> Object:
        """`token`, `binding`, `eviction`."""
        match call.full_resource:
            case "serviceaccounts/token":
                return self._token_request(call, body)
            case "pods/binding":
                return self._bind(call, body)
            case "pods/eviction":
                return self._evict(call, body)
        raise no_such_path()

    def _token_review(self, spec: dict[str, Any]) -> dict[str, Any]:
        audiences = spec.get("audiences") or [AUDIENCE]
        user = self._tokens.user(spec.get("token", ""), audiences)
        if user is None:
            return {"user": {}, "error": "invalid bearer token"}
        named = [audience for audience in audiences if audience in self._tokens.audiences(spec["token"])]
        return {"authenticated": True, "user": _user_info(user), "audiences": named or audiences}

    def _access(self, user: User, spec: dict[str, Any]) -> dict[str, Any]:
        if asked := spec.get("resourceAttributes"):
            group, plural = asked.get("group", ""), asked.get("resource", "")
            kind = next(
                (k for k in self._kinds.all() if (k.resource.group, k.resource.plural) == (group, plural)),
                None,
            )
            if kind is None:
                return {"allowed": False}
            call = Call(
                user,
                asked.get("verb", ""),
                kind=kind,
                namespace=asked.get("namespace", ""),
                name=asked.get("name", ""),
                subresource=asked.get("subresource", ""),
            )
        else:
            plain = spec.get("nonResourceAttributes") or {}
            call = Call(user, plain.get("verb", ""), path=plain.get("path", ""))
        denial = self._authorizer.denial(call)
        if denial is None:
            return {"allowed": True, "reason": ""}
        return {"allowed": False} | ({"reason": denial} if denial else {})

    def _token_request(self, call: Call, body: Object) -> Object:
        node_restriction.restrict(self._store, call, None, body)
        account = self._objects.get(call)
        spec: dict[str, Any] = body.get("spec") or {}
        life_s = spec.get("expirationSeconds", _USUAL_LIFE_S)
        if life_s < _SHORTEST_LIFE_S:
            why = f"Invalid value: {life_s}: may not specify a duration less than 10 minutes"
            raise invalid(_TOKEN_REQUESTS, "", "spec.expirationSeconds", why)
        pod = None
        if bound := spec.get("boundObjectRef"):
            pod = self._store.get(PODS, call.namespace, bound["name"])
            if pod is None:
                raise not_found(PODS, bound["name"])
            if bound.get("uid", pod["metadata"]["uid"]) != pod["metadata"]["uid"]:
                raise conflict(PODS, bound["name"], "the UID in the bound object reference does not match")
        audiences = spec.get("audiences") or [AUDIENCE]
        token, expires = self._tokens.issue(account, audiences, life_s, pod)
        status = {"token": token, "expirationTimestamp": emit_time(expires)}
        return {
            **body,
            "spec": {**spec, "audiences": audiences, "expirationSeconds": life_s},
            "status": status,
        }

    def _bind(self, call: Call, body: Object) -> Object:
        pod = self._objects.get(call)
        node = (body.get("target") or {}).get("name", "")
        if known := pod["spec"].get("nodeName"):
            raise conflict(PODS, call.name, f'pod {call.name} is already assigned to node "{known}"')
        bind(self._store, pod, node)
        return dict(_SUCCESS)

    def _evict(self, call: Call, body: Object) -> Object:
        pod = self._objects.get(call)
        node_restriction.restrict(self._store, call, pod, pod)
        labels = pod["metadata"].get("labels") or {}
        for budget in self._store.list(POD_DISRUPTION_BUDGETS, call.namespace):
            selector = (budget["spec"].get("selector") or {}).get("matchLabels")
            if matches_labels(selector, labels) and not budget.get("status", {}).get("disruptionsAllowed"):
                raise too_many_requests(
                    "Cannot evict pod as it would violate the pod's disruption budget.", 0
                )
        deleting = Call(call.user, "delete", kind=Kind(PODS), namespace=call.namespace, name=call.name)
        self._objects.delete(deleting, body.get("deleteOptions") or {})
        return dict(_SUCCESS)


def bind(store: Store, pod: Object, node: str) -> None:
    """What a scheduler does."""
    pod["spec"]["nodeName"] = node
    conditions = [c for c in pod["status"].get("conditions") or [] if c["type"] != "PodScheduled"]
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
    scheduled["lastTransitionTime"] = pod["metadata"]["creationTimestamp"]
    pod["status"]["conditions"] = [*conditions, scheduled]
    store.put(PODS, pod)


def _user_info(user: User) -> dict[str, Any]:
    info: dict[str, Any] = {"username": user.name, "groups": [*user.groups]}
    if user.uid:
        info["uid"] = user.uid
    if user.extra:
        info["extra"] = {key: [*values] for key, values in user.extra.items()}
    return info
