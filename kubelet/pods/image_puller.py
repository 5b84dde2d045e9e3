"""Pulls, one after another, with the pod's imagePullSecrets, and a word on their progress now and then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc

from bronzewillow.host.parsing import parse_json
from bronzewillow.host.tasks import spawn
from bronzewillow.kube.errors import KubeError
from kubelet.model.actions import PullImage
from kubelet.model.decision import EventType, PodEvent
from kubelet.model.images import PROGRESS_PERIOD, progress_message
from kubelet.model.outcomes import Failed, Outcome, Pulled
from kubelet.model.pod_spec import Kind, Object, containers, integer, mapping, namespace, objects, spec, text
from kubelet.pods.pull_secrets import Login, logins, matching
from kubelet.provider.client import RuntimeClient
from kubelet.provider.errors import RuntimeRefusal
from kubelet.provider.sandbox_config import pod_labels
from kubelet.references import References
from runtime.api import cri_pb2 as api

_UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
Tell = Callable[[Object, PodEvent], None]


class ImagePuller:
    """Pulls the images of one node, one after another."""

    def __init__(
        self, runtime: RuntimeClient, references: References, tell: Tell, now: Callable[[], int]
    ) -> None:
        self._runtime, self._references, self._tell, self._now = runtime, references, tell, now
        self._turn = asyncio.Lock()

    async def pull(self, pod: Object, action: PullImage) -> Outcome:
        """Pulled, or Failed with a reason of `PullImage`. RuntimeRefusal."""
        begun = self._now()
        found, missing = await self._logins(pod)
        tries: list[api.AuthConfig | None] = [_auth(one) for one in matching(found, action.image)]
        async with self._turn:
            turned = self._now()
            async with self._telling(pod, action):
                try:
                    image_ref = await self._pull_with(pod, action.image, tries or [None])
                except RuntimeRefusal as refused:
                    return Failed(str(refused), _reason(refused), missing)
            now = self._now()
            image = await self._runtime.image(image_ref)
        size = int(image.size) if image is not None else 0
        return Pulled(image_ref, size, now - turned, now - begun, missing)

    async def _pull_with(self, pod: Object, image: str, tries: list[api.AuthConfig | None]) -> str:
        sandbox = api.PodSandboxConfig(labels=pod_labels(pod))
        for auth in tries[:-1]:
            try:
                return await self._runtime.pull_image(image, auth, sandbox)
            except RuntimeRefusal as refused:
                if refused.code in _UNREACHABLE:
                    raise
        return await self._runtime.pull_image(image, tries[-1], sandbox)

    async def _logins(self, pod: Object) -> tuple[list[Login], tuple[str, ...]]:
        """And the names of Secrets that cannot be had."""
        found: list[Login] = []
        missing: list[str] = []
        for reference in objects(spec(pod).get("imagePullSecrets")):
            name = text(reference.get("name"))
            try:
                secret = await self._references.secret(namespace(pod), name)
            except KubeError:
                secret = None
            if secret is None:
                missing.append(name)
            else:
                found += logins(secret)
        return found, tuple(missing)

    @asynccontextmanager
    async def _telling(self, pod: Object, action: PullImage) -> AsyncIterator[None]:
        telling = spawn(self._tell_now_and_then(pod, action), name=f"progress of {action.image}")
        try:
            yield
        finally:
            telling.cancel()

    async def _tell_now_and_then(self, pod: Object, action: PullImage) -> None:
        while True:
            await asyncio.sleep(PROGRESS_PERIOD / 1e6)
            try:
                done, size = await self.progress(action.image)
            except RuntimeRefusal:
                continue
            if size:
                message = progress_message(action.image, done, size)
                self._tell(pod, PodEvent(EventType.NORMAL, "Pulling", message, _path(pod, action.container)))

    async def progress(self, image: str) -> tuple[int, int]:
        """Bytes that are here, and bytes in all as far as they are known; zeros where the runtime does not
        say."""
        told = await self._runtime.image_facts(image)
        try:
            pull = mapping(parse_json(told.get("pull", "{}")))
        except ValueError:
            return 0, 0
        return integer(pull.get("doneBytes")), integer(pull.get("totalBytes"))


def _reason(refused: RuntimeRefusal) -> str:
    if refused.code is grpc.StatusCode.INVALID_ARGUMENT:
        return "InvalidImageName"
    return "ErrImagePull"


def _auth(login: Login) -> api.AuthConfig:
    return api.AuthConfig(
        username=login.username,
        password=login.password,
        identity_token=login.identity_token,
        registry_token=login.registry_token,
    )


def _path(pod: Object, container: str) -> str:
    for kind in Kind:
        if any(one.get("name") == container for one in containers(pod, kind)):
            return f"spec.{kind.value}{{{container}}}"
    return ""
