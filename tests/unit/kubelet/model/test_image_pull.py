"""Looking for an image."""

from __future__ import annotations

from kubelet.model.actions import InspectImage, PullImage
from kubelet.model.image_pull import RETRY, SHOWN, FoundImage, ImagePull
from kubelet.model.outbox import Outbox
from kubelet.model.outcomes import Failed, ImageFound, Pulled
from kubelet.model.times import SECOND

INSPECT, PULL = InspectImage("llm", "m:1"), PullImage("llm", "m:1")
SPEC = {"name": "llm", "image": "m:1"}


def new() -> tuple[ImagePull, Outbox]:
    outbox = Outbox()
    return ImagePull("llm", outbox, "spec.containers{llm}"), outbox


def reasons(outbox: Outbox) -> list[str]:
    return [event.reason for event in outbox.take()[1]]


def inspect(pull: ImagePull, outbox: Outbox, ref: str, now: int = 0) -> None:
    assert pull.advance(SPEC, now) is None
    assert outbox.finish(INSPECT)
    pull.finish(INSPECT, ImageFound(ref), now, is_given_up=False)


def test_present() -> None:
    pull, outbox = new()
    inspect(pull, outbox, "m@1")
    assert pull.advance(SPEC, 0) == FoundImage("m:1", "m@1")
    assert pull.advance(SPEC, 9) == FoundImage("m:1", "m@1")
    assert reasons(outbox) == ["Pulled"]


def test_pulled_with_a_secret_that_is_missing() -> None:
    pull, outbox = new()
    inspect(pull, outbox, "")
    assert pull.advance(SPEC, 0) is None
    assert outbox.finish(PULL)
    pull.finish(PULL, Pulled("m@1", 5, SECOND, SECOND, ("regcred",)), SECOND, is_given_up=False)
    assert pull.advance(SPEC, SECOND) == FoundImage("m:1", "m@1")
    assert reasons(outbox) == ["Pulling", "FailedToRetrieveImagePullSecret", "Pulled"]


def fail(pull: ImagePull, outbox: Outbox, now: int, *, is_given_up: bool = False) -> None:
    inspect(pull, outbox, "", now)
    assert pull.advance(SPEC, now) is None
    assert outbox.finish(PULL)
    pull.finish(PULL, Failed("manifest unknown"), now, is_given_up=is_given_up)


def test_back_off() -> None:
    pull, outbox = new()
    fail(pull, outbox, 0)
    assert pull.waiting is not None
    assert pull.waiting.reason == "ErrImagePull"
    assert reasons(outbox) == ["Pulling", "Failed", "Failed"]
    pull.advance(SPEC, SHOWN)
    assert pull.waiting.reason == "ImagePullBackOff"
    assert pull.waiting.message == 'Back-off pulling image "m:1": ErrImagePull: manifest unknown'
    pull.advance(SPEC, SHOWN + 1)
    actions, events, wake = outbox.take()
    assert (actions, [event.reason for event in events], wake) == ((), ["BackOff", "Failed"], 10 * SECOND)
    fail(pull, outbox, 10 * SECOND)
    pull.advance(SPEC, 11 * SECOND)
    assert outbox.take()[2] == 10 * SECOND + SHOWN
    pull.advance(SPEC, 15 * SECOND)
    assert outbox.take()[2] == 30 * SECOND


def test_what_was_cancelled_is_not_told() -> None:
    pull, outbox = new()
    fail(pull, outbox, 0, is_given_up=True)
    assert pull.waiting is None
    assert reasons(outbox) == ["Pulling"]


def test_a_bad_name_is_told_once_and_tried_later() -> None:
    pull, outbox = new()
    for now in (0, 1, RETRY, RETRY + 1):
        assert pull.advance({"name": "llm", "image": "M"}, now) is None
    assert pull.waiting is not None
    assert pull.waiting.reason == "InvalidImageName"
    actions, events, _ = outbox.take()
    assert (actions, [event.reason for event in events]) == ((), ["InspectFailed", "Failed"])


def test_the_runtime_cannot_say() -> None:
    pull, outbox = new()
    pull.advance(SPEC, 0)
    outbox.finish(INSPECT)
    pull.finish(INSPECT, Failed("store is locked"), 0, is_given_up=False)
    assert pull.waiting is not None
    assert (pull.waiting.reason, pull.waiting.message) == ("ImageInspectError", "store is locked")


def test_another_start_looks_again() -> None:
    pull, outbox = new()
    inspect(pull, outbox, "m@1")
    pull.advance(SPEC, 0)
    pull.forget_found()
    assert pull.advance(SPEC, 1) is None
    assert INSPECT in outbox.take()[0]
