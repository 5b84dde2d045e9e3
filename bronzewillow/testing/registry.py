"""A registry on loopback that misbehaves to order, and counts what it serves.

The contract suite of registries shows that it is one; Debian's docker-registry passes the same suite.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import json
import re
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

_NAME = r"{name:[a-z0-9._/-]+?}"
_SEND = 64 << 10


@dataclass(slots=True)
class Faults:
    """What goes wrong; a count is used up."""

    statuses: list[int] = field(default_factory=list)
    """Answers to the next requests for blobs and manifests."""
    retry_after: str = ""
    cut_after: int = 0
    """Answers with a blob end, with a broken connection, after that many bytes."""
    cuts: int = 0
    """How often."""
    drip_s: float = 0.0
    """Blobs come by the byte, with so much time between."""
    has_ranges: bool = True
    corrupt: bool = False
    """One bit of each blob that is served is wrong."""
    wrong_range: bool = False
    redirect: str = ""
    """Blobs are at this base URL."""
    upload_cuts: int = 0
    """Uploads whose connection breaks in the middle of the body."""
    no_mount: bool = False
    pages: int = 0
    """Tags on one page; 0: all."""
    is_round: bool = False
    """The last page leads to the first."""
    location: str = ""
    """Uploads are said to be there."""


@dataclass(slots=True)
class Upload:
    """One that is not finished."""

    data: bytearray = field(default_factory=bytearray)


class FakeRegistry:
    """Its content and its counts."""

    def __init__(self, auth: str = "none") -> None:
        """`auth`: `none`, `basic` or `bearer`; the user is `tester`, the password `secret`."""
        self.auth = auth
        self.faults = Faults()
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.requests: list[tuple[str, str]] = []
        self.served: Counter[str] = Counter()
        """Bytes sent, by digest."""
        self.authorizations: list[str] = []
        self.api_keys: list[str] = []
        """Of a header `X-Api-Key`, one for each request."""
        self.url = ""
        self._uploads: dict[str, Upload] = {}
        self._tokens: dict[str, str] = {}

    @property
    def host(self) -> str:
        """Its name in references."""
        return self.url.removeprefix("http://")

    def add_blob(self, repository: str, data: bytes) -> str:
        """As if pushed."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.blobs[repository, digest] = data
        return digest

    def add_manifest(self, repository: str, tag: str, raw: bytes) -> str:
        """As if pushed."""
        digest = "sha256:" + hashlib.sha256(raw).hexdigest()
        for reference in (tag, digest):
            self.manifests[repository, reference] = raw, json.loads(raw)["mediaType"]
        return digest

    def app(self) -> web.Application:
        """To be served."""
        app = web.Application(middlewares=[self._guard], client_max_size=1 << 30)
        app.router.add_get("/token", self._token)
        app.router.add_get("/v2/", self._root)
        app.router.add_get(f"/v2/{_NAME}/tags/list", self._tags)
        app.router.add_get(f"/v2/{_NAME}/manifests/{{reference}}", self._get_manifest)
        app.router.add_put(f"/v2/{_NAME}/manifests/{{reference}}", self._put_manifest)
        app.router.add_delete(f"/v2/{_NAME}/manifests/{{reference}}", self._delete_manifest)
        app.router.add_post(f"/v2/{_NAME}/blobs/uploads/", self._post_upload)
        app.router.add_route("*", f"/v2/{_NAME}/blobs/uploads/{{upload}}", self._upload)
        app.router.add_get(f"/v2/{_NAME}/blobs/{{digest}}", self._get_blob)
        return app

    # ---- who

    @web.middleware
    async def _guard(self, request: web.Request, handler: object) -> web.StreamResponse:
        assert callable(handler)
        self.requests.append((request.method, request.path_qs))
        given = request.headers.get("Authorization", "")
        self.authorizations.append(given)
        self.api_keys.append(request.headers.get("X-Api-Key", ""))
        if request.path != "/token" and not self._may(request, given):
            return self._challenge(request)
        if self.faults.statuses and ("/blobs/" in request.path or "/manifests/" in request.path):
            headers = {"Retry-After": self.faults.retry_after} if self.faults.retry_after else {}
            return _error(self.faults.statuses.pop(0), "UNAVAILABLE", "to order", headers)
        answer: web.StreamResponse = await handler(request)
        return answer

    def _may(self, request: web.Request, given: str) -> bool:
        if self.auth == "basic":
            return given == "Basic " + base64.b64encode(b"tester:secret").decode()
        if self.auth == "bearer":
            scope = self._tokens.get(given.removeprefix("Bearer "), "")
            return set(_wanted(request)) <= set(_actions(scope))
        return True

    def _challenge(self, request: web.Request) -> web.Response:
        if self.auth == "basic":
            how = 'Basic realm="test"'
        else:
            name = request.match_info.get("name", "")
            scope = f"repository:{name}:{','.join(_wanted(request))}"
            how = f'Bearer realm="{self.url}/token",service="test",scope="{scope}"'
        return _error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": how})

    async def _token(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Basic " + base64.b64encode(b"tester:secret").decode():
            return _error(401, "UNAUTHORIZED", "wrong password", {})
        token = uuid.uuid4().hex
        self._tokens[token] = " ".join(request.query.getall("scope", []))
        return web.json_response({"token": token, "expires_in": 300})

    async def _root(self, request: web.Request) -> web.Response:
        return web.json_response({})

    # ---- reading

    async def _tags(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        tags = sorted(tag for repository, tag in self.manifests if repository == name and ":" not in tag)
        if not tags:
            return _error(404, "NAME_UNKNOWN", name, {})
        last = request.query.get("last", "")
        rest = [tag for tag in tags if tag > last]
        count = self.faults.pages or len(rest)
        headers = {}
        if len(rest) > count or self.faults.is_round:
            last = rest[count - 1] if len(rest) > count else ""
            headers["Link"] = f'</v2/{name}/tags/list?n={count}&last={last}>; rel="next"'
        return web.json_response({"name": name, "tags": rest[:count]}, headers=headers)

    async def _get_manifest(self, request: web.Request) -> web.Response:
        found = self.manifests.get((request.match_info["name"], request.match_info["reference"]))
        if found is None or found[1] not in request.headers.get("Accept", ""):
            return _error(404, "MANIFEST_UNKNOWN", "manifest unknown", {})
        digest = "sha256:" + hashlib.sha256(found[0]).hexdigest()
        return web.Response(
            body=found[0], headers={"Content-Type": found[1], "Docker-Content-Digest": digest}
        )

    async def _get_blob(self, request: web.Request) -> web.StreamResponse:
        digest = request.match_info["digest"]
        data = self.blobs.get((request.match_info["name"], digest))
        if data is None:
            return _error(404, "BLOB_UNKNOWN", "blob unknown to registry", {})
        if self.faults.redirect:
            raise web.HTTPTemporaryRedirect(f"{self.faults.redirect}{request.path}")
        if self.faults.corrupt:
            data = bytes([data[0] ^ 1]) + data[1:]
        start, end, headers, status = 0, len(data), {}, 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if asked and self.faults.has_ranges:
            start, end = int(asked[1]), min(int(asked[2] or len(data)) + 1, len(data))
            shift = 1 if self.faults.wrong_range else 0
            headers, status = {"Content-Range": f"bytes {start + shift}-{end - 1}/{len(data)}"}, 206
        answer = web.StreamResponse(status=status, headers=headers)
        answer.content_length = end - start
        await answer.prepare(request)
        if request.method == "HEAD":
            return answer
        is_cut = self.faults.cuts > 0
        self.faults.cuts -= is_cut
        for at in range(start, end if self.faults.drip_s else start):
            await answer.write(data[at : at + 1])
            await asyncio.sleep(self.faults.drip_s)
        for at in range(start, end, _SEND):
            if is_cut and at - start >= self.faults.cut_after:
                assert request.transport is not None
                request.transport.abort()
                return answer
            part = data[at : min(at + _SEND, end)]
            await answer.write(part)
            self.served[digest] += len(part)
        return answer

    # ---- writing

    async def _put_manifest(self, request: web.Request) -> web.Response:
        raw = await request.read()
        document = json.loads(raw)
        if document["mediaType"] != request.content_type:
            return _error(400, "MANIFEST_INVALID", "wrong type", {})
        name, reference = request.match_info["name"], request.match_info["reference"]
        for one in (document["config"], *document["layers"]):
            if (name, one["digest"]) not in self.blobs:
                return _error(400, "MANIFEST_BLOB_UNKNOWN", one["digest"], {})
        digest = self.add_manifest(name, reference, raw)
        return web.Response(status=201, headers={"Docker-Content-Digest": digest})

    async def _delete_manifest(self, request: web.Request) -> web.Response:
        name, digest = request.match_info["name"], request.match_info["reference"]
        if (name, digest) not in self.manifests:
            return _error(404, "MANIFEST_UNKNOWN", digest, {})
        raw = self.manifests[name, digest][0]
        for key in [key for key, value in self.manifests.items() if key[0] == name and value[0] == raw]:
            del self.manifests[key]
        return web.Response(status=202)

    async def _post_upload(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        digest, source = request.query.get("mount", ""), request.query.get("from", "")
        if not self.faults.no_mount and (source, digest) in self.blobs:
            self.blobs[name, digest] = self.blobs[source, digest]
            return web.Response(status=201, headers={"Location": f"/v2/{name}/blobs/{digest}"})
        if self.faults.location:
            return web.Response(status=202, headers={"Location": self.faults.location})
        number = uuid.uuid4().hex
        self._uploads[number] = Upload()
        return web.Response(
            status=202, headers={"Location": f"/v2/{name}/blobs/uploads/{number}?_state=a%2Fb"}
        )

    async def _upload(self, request: web.Request) -> web.Response:
        name, number = request.match_info["name"], request.match_info["upload"]
        upload = self._uploads.get(number)
        if upload is None or request.query.get("_state") != "a/b":
            return _error(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown", {})
        headers = {"Location": f"{self.url}/v2/{name}/blobs/uploads/{number}?_state=a%2Fb"}
        if request.method in ("PATCH", "PUT"):
            begins = request.headers.get("Content-Range", f"{len(upload.data)}-").partition("-")[0]
            if int(begins) != len(upload.data):
                return _error(416, "BLOB_UPLOAD_INVALID", "out of order", headers)
            async for chunk in request.content.iter_any():
                upload.data += chunk
                if self.faults.upload_cuts and len(upload.data) > 100_000:
                    self.faults.upload_cuts -= 1
                    assert request.transport is not None
                    request.transport.abort()
                    return _error(500, "UNKNOWN", "cut", {})
        if request.method == "DELETE":
            del self._uploads[number]
            return web.Response(status=204)
        if request.method != "PUT":
            headers["Range"] = f"0-{max(len(upload.data) - 1, 0)}"
            return web.Response(status=202 if request.method == "PATCH" else 204, headers=headers)
        del self._uploads[number]
        digest = request.query["digest"]
        if digest != self.add_blob(name, bytes(upload.data)):
            return _error(400, "DIGEST_INVALID", "provided digest did not match", {})
        return web.Response(status=201, headers={"Location": f"/v2/{name}/blobs/{digest}"})


@asynccontextmanager
async def fake_registry(auth: str = "none") -> AsyncIterator[FakeRegistry]:
    """One on a free port while inside."""
    registry = FakeRegistry(auth)
    runner = web.AppRunner(registry.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        registry.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield registry
    finally:
        await runner.cleanup()


def _wanted(request: web.Request) -> list[str]:
    if request.method in ("GET", "HEAD") and "/uploads/" not in request.path:
        return ["pull"]
    return (
        ["delete", "pull"]
        if "/manifests/" in request.path and request.method == "DELETE"
        else ["pull", "push"]
    )


def _actions(scope: str) -> list[str]:
    return list(itertools.chain.from_iterable(one.rpartition(":")[2].split(",") for one in scope.split()))


def _error(status: int, code: str, message: str, headers: dict[str, str]) -> web.Response:
    body = {"errors": [{"code": code, "message": message}]}
    return web.json_response(body, status=status, headers=headers)
