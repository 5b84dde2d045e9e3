"""The aiohttp application: routes, and what holds for each of them."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from runtime.openai.chat import post_chat
from runtime.openai.completions import post_completions
from runtime.openai.embeddings import post_embeddings
from runtime.openai.errors import ApiError
from runtime.openai.guard import Guard
from runtime.openai.ids import new_id
from runtime.openai.models import get_model, get_models
from runtime.openai.probes import get_health, get_metrics
from runtime.openai.service import SERVICE, Service

_log = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
REQUEST_ID_HEADER = "X-Request-Id"
DEFAULT_BODY_BYTES = 32 << 20


def make_app(service: Service, guard: Guard, *, body_bytes: int = DEFAULT_BODY_BYTES) -> web.Application:
    """The application that serves `service` behind `guard`; a larger body than `body_bytes` is refused with
    413.
    """
    app = web.Application(client_max_size=body_bytes, middlewares=[_envelope(service, guard)])
    app[SERVICE] = service
    app.on_response_prepare.append(_sign(guard))
    for prefix in ("", "/v1"):
        app.router.add_get(f"{prefix}/health", get_health)
        app.router.add_get(f"{prefix}/models", get_models)
        app.router.add_get(f"{prefix}/models/{{name:.+}}", get_model)
        app.router.add_post(f"{prefix}/chat/completions", post_chat)
        app.router.add_post(f"{prefix}/completions", post_completions)
        app.router.add_post(f"{prefix}/embeddings", post_embeddings)
    app.router.add_get("/metrics", get_metrics)
    return app


def _envelope(service: Service, guard: Guard) -> Middleware:
    """Refusals and failures become OpenAI's error objects; every request is counted."""

    @web.middleware
    async def envelope(request: web.Request, handler: _Handler) -> web.StreamResponse:
        status = 500
        try:
            with service.request(asks=request.method == "POST"):
                response = await _answer(request, handler, guard)
            status = response.status
            return response
        except ConnectionResetError:
            status = 499
            raise
        finally:
            resource = request.match_info.route.resource
            route = resource.canonical if resource is not None else "unknown"
            service.metrics.requests.labels(route, str(status)).inc()

    return envelope


async def _answer(request: web.Request, handler: _Handler, guard: Guard) -> web.StreamResponse:
    try:
        guard.check(request)
        if request.method == "OPTIONS" and guard.cors_headers(request):
            return web.Response(status=204)
        return await handler(request)
    except ApiError as err:
        return err.response()
    except web.HTTPNotFound:
        text = f"Unknown request URL: {request.method} {request.path}."
        if request.path.startswith("/v1/responses"):
            text += " This server has no Responses API; use /v1/chat/completions."
        return ApiError(404, text, code="unknown_url").response()
    except web.HTTPMethodNotAllowed as err:
        return ApiError(
            405, f"Not allowed to {request.method} on {request.path}.", code="method_not_allowed",
            headers={"Allow": ", ".join(sorted(err.allowed_methods))},
        ).response()  # fmt: skip
    except web.HTTPRequestEntityTooLarge as err:
        return ApiError(
            413, f"The request's body is too large: {err.text}", code="request_too_large"
        ).response()
    except web.RequestPayloadError:
        return ApiError(400, "The request's body is not in the coding that its head says.").response()
    except web.HTTPException as err:
        return ApiError(err.status, err.reason or "Bad request.").response()
    except ConnectionResetError:
        raise  # the client left while it was being answered
    except Exception:
        _log.exception("%s %s failed", request.method, request.path)
        return ApiError(
            500, "The server had an error while processing your request.", kind="server_error"
        ).response()


def _sign(guard: Guard) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Headers of every answer, streams included."""

    async def sign(request: web.Request, response: web.StreamResponse) -> None:
        given = request.headers.get(REQUEST_ID_HEADER, "")
        response.headers[REQUEST_ID_HEADER] = given if _REQUEST_ID.fullmatch(given) else new_id("req")
        response.headers.update(guard.cors_headers(request))

    return sign
