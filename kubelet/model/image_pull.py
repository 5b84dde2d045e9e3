"""One container's image: looked for, pulled by its policy, with back-off."""

from __future__ import annotations

from dataclasses import dataclass

from kubelet.model import images
from kubelet.model.actions import InspectImage, PullImage
from kubelet.model.backoff import Backoff
from kubelet.model.container_status import Waiting
from kubelet.model.decision import EventType, PodEvent
from kubelet.model.images import ImageNameError, Verdict
from kubelet.model.outbox import Outbox
from kubelet.model.outcomes import Failed, ImageFound, Pulled
from kubelet.model.pod_spec import Object, text
from kubelet.model.times import SECOND

RETRY = 10 * SECOND
SHOWN = 2 * SECOND
"""How long ErrImagePull stands before it is ImagePullBackOff."""


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image that the runtime has."""

    name: str
    ref: str


class ImagePull:
    """How one container comes to its image."""

    def __init__(self, container: str, outbox: Outbox, path: str) -> None:
        self.waiting: Waiting | None = None
        """The last failure."""
        self._container = container
        self._outbox = outbox
        self._path = path
        self.reset()

    def reset(self) -> None:
        """Another image is wanted: forget what was known of the last."""
        self.waiting = None
        self._present: str | None = None
        """What is here, empty for nothing, None before it was looked for."""
        self._found: FoundImage | None = None
        self._backoff = Backoff()
        self._failed: int | None = None
        self._retry_at: int | None = None
        self._is_told = False

    def forget_found(self) -> None:
        """Another start: the policy decides again."""
        self._found = self._present = None

    def advance(self, container: Object, now: int) -> FoundImage | None:
        """The image, when it is here; else one step towards that."""
        if self._found is not None:
            return self._found
        if self._retry_at is not None and now < self._retry_at:
            self._outbox.wake(self._retry_at)
            return None
        try:
            name = images.with_default_tag(text(container.get("image")))
        except ImageNameError as error:
            self._refuse(images.INVALID_NAME, str(error), "InspectFailed", now)
            return None
        if self._failed is not None and self._is_backing_off(self._failed, name, now):
            return None
        if self._present is None:
            self._outbox.ask(InspectImage(self._container, name))
            return None
        return self._judge(container, name, self._present, now)

    def finish(
        self,
        action: InspectImage | PullImage,
        outcome: Failed | ImageFound | Pulled,
        now: int,
        *,
        is_given_up: bool,
    ) -> None:
        """Take in how an inspection or a pull has ended."""
        if not isinstance(outcome, ImageFound):
            for secret in outcome.missing_secrets:
                message = (
                    f"Unable to retrieve some image pull secrets ({secret}); attempting to pull the image "
                    "may not succeed."
                )
                self._tell(EventType.WARNING, "FailedToRetrieveImagePullSecret", message)
        if isinstance(outcome, ImageFound):
            self._present = outcome.image_ref
        elif isinstance(outcome, Pulled):
            message = images.pulled_message(
                action.image, outcome.took_us, outcome.waited_us, outcome.size_bytes
            )
            self._tell(EventType.NORMAL, "Pulled", message)
            self._use(action.image, outcome.image_ref)
        elif is_given_up:
            return
        elif isinstance(action, InspectImage):
            reason = outcome.reason or "ImageInspectError"
            self._refuse(reason, outcome.message, "InspectFailed", now)
        else:
            self._fail(action.image, outcome, now)

    # ---- inside

    def _judge(self, container: Object, name: str, present: str, now: int) -> FoundImage | None:
        self._present = None
        verdict = images.judge(images.pull_policy(container), bool(present))
        if verdict is Verdict.USE:
            self._tell(EventType.NORMAL, "Pulled", f'Container image "{name}" already present on machine')
            return self._use(name, present)
        if verdict is Verdict.PULL:
            self._tell(EventType.NORMAL, "Pulling", f'Pulling image "{name}"')
            self._outbox.ask(PullImage(self._container, name))
            return None
        message = f'Container image "{name}" is not present with pull policy of Never'
        self._refuse(images.NEVER_PULL, message, images.NEVER_PULL, now)
        return None

    def _use(self, name: str, ref: str) -> FoundImage:
        self._found = FoundImage(name, ref)
        self.waiting = self._failed = self._retry_at = None
        return self._found

    def _is_backing_off(self, failed: int, name: str, now: int) -> bool:
        due = self._backoff.until(failed)
        if now >= due:
            return False
        self._outbox.wake(due)
        if now < failed + SHOWN:
            self._outbox.wake(failed + SHOWN)
        elif not self._is_told:
            self._is_told = True
            last = f": {self.waiting.reason}: {self.waiting.message}" if self.waiting else ""
            message = f'Back-off pulling image "{name}"'
            self.waiting = Waiting(images.PULL_BACKOFF, message + last)
            self._tell(EventType.NORMAL, "BackOff", message)
            self._tell(EventType.WARNING, "Failed", f"Error: {images.PULL_BACKOFF}")
        return True

    def _fail(self, name: str, outcome: Failed, now: int) -> None:
        self._failed = now
        self._is_told = False
        self._backoff.step(now, now)
        self.waiting = Waiting(outcome.reason or images.ERR_PULL, outcome.message)
        self._tell(EventType.WARNING, "Failed", f'Failed to pull image "{name}": {outcome.message}')
        self._tell(EventType.WARNING, "Failed", f"Error: {self.waiting.reason}")

    def _refuse(self, reason: str, message: str, event: str, now: int) -> None:
        self._retry_at = now + RETRY
        self._outbox.wake(self._retry_at)
        is_news = self.waiting != Waiting(reason, message)
        self.waiting = Waiting(reason, message)
        if is_news:
            self._tell(EventType.WARNING, event, message)
            self._tell(EventType.WARNING, "Failed", f"Error: {reason}")

    def _tell(self, type: EventType, reason: str, message: str) -> None:
        self._outbox.tell(PodEvent(type, reason, message, self._path))
