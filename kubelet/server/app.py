"""The composition of the server: who asks, whether they may, which handler answers, what errors look like."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bronzewillow.host.http_server import http_runner
from bronzewillow.kube.errors import KubeError
from kubelet.model.usage_limits import limits_of
from kubelet.provider.errors import RuntimeRefusal
from kubelet.provider.labels import pod_key
from kubelet.server.authentication import Authenticator, User
from kubelet.server.authorization import Authorizer
from kubelet.server.cadvisor_metrics import cadvisor_metrics
from kubelet.server.callers import CallerLimits, Callers, caller_of
from kubelet.server.container_logs import ContainerLogs
from kubelet.server.cpu_rates import CpuRates
from kubelet.server.endpoints import rights
from kubelet.server.errors import RequestError
from kubelet.server.lookups import uid_of
from kubelet.server.metrics import CallerMetrics, RequestMetrics
from kubelet.server.process_metrics import ProcessMetrics
from kubelet.server.recent import Recent
from kubelet.server.resource_metrics import resource_metrics
from kubelet.server.streams import Streams
from kubelet.server.summary import stats_summary
from kubelet.server.surroundings import Disks, Json, Liveness, Machine, PodDisk, Pods, Reviews, Runtime
from kubelet.server.usage import PodUsage, pod_usages

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_HTTP: Mapping[str, Any] = {
    "keepalive_timeout": 90.0,
    "max_line_size": 128 << 10,  # commands of exec are in it
    "max_field_size": 32 << 10,
    "max_headers": 64,
    "lingering_time": 0.5,  # for a body that nobody wants
    "auto_decompress": False,
    "shutdown_timeout": 1.0,
}
_STATUSES = {
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
}
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerParts:
    """What the server is made of."""

    node: str
    """The node's name."""
    pods: Pods
    runtime: Runtime
    reviews: Reviews
    machine: Machine
    disks: Disks
    liveness: Liveness
    registry: CollectorRegistry
    """The kubelet's own metrics."""
    probe_registry: CollectorRegistry
    """Those of its probes."""
    configuration: Mapping[str, Any]
    """What /configz shows: a KubeletConfiguration."""
    limits: CallerLimits = field(default_factory=CallerLimits)
    """Of who calls."""


class KubeletServer:
    """The API of one node."""

    def __init__(self, parts: ServerParts) -> None:
        self._parts = parts
        self._authenticator = Authenticator(parts.reviews)
        self._authorizer = Authorizer(parts.reviews)
        self._rates = CpuRates()
        self._usages = Recent(self._ask_usages)
        self._streams = Streams(parts.pods, parts.runtime)
        self.callers = Callers(parts.limits)
        parts.registry.register(CallerMetrics(self.callers))
        parts.registry.register(ProcessMetrics())
        self._requests = RequestMetrics(parts.registry)
        self.app = web.Application(middlewares=[self._measure, _errors, self._guard])
        self._add_routes()
        self._runner = http_runner(self.app, __name__, **_HTTP)

    async def start(self, host: str | None, port: int, context: ssl.SSLContext) -> int:
        """Listen; the port, for whoever asked for any. OSError."""
        await self._runner.setup()
        assert self._runner.server is not None
        return self.callers.listen(host, port, context, self._runner.server)

    @property
    def connections(self) -> int:
        """Those that HTTP is spoken on, or was."""
        return len(self._runner.server.connections) if self._runner.server is not None else 0

    async def close(self) -> None:
        """End everything that is under way."""
        await self.callers.close()
        self._streams.close()
        await self._runner.cleanup()

    # ---- who may

    @web.middleware
    async def _measure(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        with self._requests.serving(request.method, _route(request)):
            return await handler(request)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        now_s = asyncio.get_running_loop().time()
        caller = caller_of(request)
        tls = request.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        authorization = request.headers.get("Authorization", "")
        with caller.being_asked_about():
            user = await self._authenticator.authenticate(certificate, authorization, caller.source, now_s)
            if user is None:
                raise RequestError(401, "Unauthorized")
            caller.introduce()
        wanted = rights(request.method, _route(request), self._parts.node)
        if not await self._authorizer.may(user, wanted, now_s):
            raise RequestError(403, _forbidden(user, request.method, [right.subresource for right in wanted]))
        with caller.being_served():
            return await handler(request)

    # ---- what there is

    def _add_routes(self) -> None:
        logs = ContainerLogs(self._parts.pods, self._parts.runtime)
        streams = self._streams
        pod, container = "/{namespace}/{pod}", "/{namespace}/{pod}/{container}"
        in_uid = "/{namespace}/{pod}/{uid}/{container}"
        for path, handler in (
            ("/healthz", self._healthy),
            ("/healthz/ping", self._healthy),
            ("/healthz/log", self._healthy),
            ("/healthz/syncloop", self._sync_loop),
            ("/pods", self._pods),
            ("/runningpods", self._running_pods),
            ("/configz", self._configz),
            ("/stats/summary", self._summary),
            ("/metrics", self._metrics),
            ("/metrics/resource", self._resource),
            ("/metrics/cadvisor", self._cadvisor),
            ("/metrics/probes", self._probes),
            ("/metrics/slis", self._no_slis),
        ):
            self.app.router.add_get(path, handler)
            self.app.router.add_get(path + "/", handler)
        self.app.router.add_get("/containerLogs" + container, logs.answer)
        for method in ("GET", "POST"):
            for name, stream in (("/exec", streams.exec), ("/attach", streams.attach)):
                self.app.router.add_route(method, name + container, stream)
                self.app.router.add_route(method, name + in_uid, stream)
            self.app.router.add_route(method, "/portForward" + pod, streams.port_forward)
            self.app.router.add_route(method, "/portForward" + pod + "/{uid}", streams.port_forward)
        self.app.router.add_post("/run" + container, streams.run)
        self.app.router.add_post("/run" + in_uid, streams.run)
        self.app.router.add_post("/checkpoint" + container, self._no_checkpoint)

    async def _healthy(self, request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _sync_loop(self, request: web.Request) -> web.Response:
        problem = self._parts.liveness.sync_loop_problem()
        if problem:
            raise RequestError(500, f"sync loop: {problem}")
        return web.Response(text="ok")

    async def _pods(self, request: web.Request) -> web.Response:
        return web.json_response(_pod_list(list(self._parts.pods.all())))

    async def _running_pods(self, request: web.Request) -> web.Response:
        found: dict[str, dict[str, Any]] = {}
        for one in await self._parts.runtime.containers():
            key = pod_key(one.labels)
            if key is not None:
                metadata = {"name": key.name, "namespace": key.namespace, "uid": key.uid}
                pod = found.setdefault(
                    key.uid, {"metadata": metadata, "spec": {"containers": []}, "status": {}}
                )
                name = {"name": one.metadata.name, "image": one.image.user_specified_image or one.image_ref}
                pod["spec"]["containers"].append({**name, "resources": {}})
        return web.json_response(_pod_list(list(found.values())))

    async def _configz(self, request: web.Request) -> web.Response:
        return web.json_response({"kubeletconfig": dict(self._parts.configuration)})

    async def _no_checkpoint(self, request: web.Request) -> web.Response:
        raise RequestError(404, "checkpoints of models are not made here")

    # ---- what is used

    async def _ask_usages(self) -> tuple[PodUsage, ...]:
        stats = await self._parts.runtime.sandbox_stats()
        return pod_usages(stats, await self._parts.runtime.containers(), self._rates)

    async def _summary(self, request: web.Request) -> web.Response:
        only = request.query.get("only_cpu_and_memory") in ("true", "1")
        image_bytes, disks = None, dict[str, PodDisk]()
        if not only:
            filesystems = await self._parts.runtime.image_filesystems()
            image_bytes = sum(one.used_bytes.value for one in filesystems)
            disks = await asyncio.to_thread(self._measure_disks, list(self._parts.pods.all()))
        usages = await self._usages.get()
        node = self._parts.machine.usage()
        summary = stats_summary(self._parts.node, node, usages, disks, image_bytes, only_cpu_and_memory=only)
        return web.json_response(summary)

    def _measure_disks(self, pods: list[Json]) -> dict[str, PodDisk]:
        return {uid_of(pod): self._parts.disks.usage(pod) for pod in pods}

    async def _metrics(self, request: web.Request) -> web.Response:
        return _exposition(generate_latest(self._parts.registry), CONTENT_TYPE_LATEST)

    async def _probes(self, request: web.Request) -> web.Response:
        return _exposition(generate_latest(self._parts.probe_registry), CONTENT_TYPE_LATEST)

    async def _resource(self, request: web.Request) -> web.Response:
        return _exposition(resource_metrics(self._parts.machine.usage(), await self._usages.get()), _TEXT)

    async def _cadvisor(self, request: web.Request) -> web.Response:
        limits = {
            (uid_of(pod), name): limit
            for pod in self._parts.pods.all()
            for name, limit in limits_of(pod, "memory").items()
        }
        usages = await self._usages.get()
        return _exposition(cadvisor_metrics(self._parts.machine.usage(), usages, limits), _TEXT)

    async def _no_slis(self, request: web.Request) -> web.Response:
        return _exposition(b"", _TEXT)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RequestError as error:
        answer = _said(error.status, str(error))
        if error.status in (401, 429):
            answer.force_close()
        return answer
    except RuntimeRefusal as refusal:
        return _said(503 if refusal.is_down else _STATUSES.get(refusal.code, 500), str(refusal))
    except ConnectionError:  # the client has left, and nothing more can be said
        return web.Response(status=499)
    except KubeError as error:  # it cannot be told who asks, or whether they may: so they may not
        _log.warning("a request to %s was not served: %s", request.path, error)
        return web.Response(status=500, text="Internal Server Error\n")


def _said(status: int, words: str) -> web.Response:
    """One line, whatever a stranger has put into it."""
    body = f"{words}\n".encode(errors="replace")
    return web.Response(status=status, body=body, content_type="text/plain", charset="utf-8")


def _route(request: web.Request) -> str:
    """Its canonical form: a path may be spelt in many ways. Empty for what there is not."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


def _forbidden(user: User, method: str, subresources: list[str]) -> str:
    names = " ".join(subresources)
    verb = rights(method, "/", "")[0].verb
    return f"Forbidden (user={user.name}, verb={verb}, resource=nodes, subresource(s)=[{names}])"


def _pod_list(pods: list[Any]) -> dict[str, Any]:
    return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods}


def _exposition(body: bytes, content_type: str) -> web.Response:
    return web.Response(body=body, headers={"Content-Type": content_type})
