"""Images."""

from __future__ import annotations

import pytest

from kubelet.model.images import (
    ImageNameError,
    PullPolicy,
    Verdict,
    judge,
    progress_message,
    pull_policy,
    pulled_message,
    with_default_tag,
)

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("image", "whole"),
    [
        ("tinyllama", "tinyllama:latest"),
        ("registry.example/team/m", "registry.example/team/m:latest"),
        ("localhost:5000/m", "localhost:5000/m:latest"),
        ("m:v1", "m:v1"),
        (f"m@{DIGEST}", f"m@{DIGEST}"),
        (f"m:v1@{DIGEST}", f"m:v1@{DIGEST}"),
        ("[::1]:5000/m", "[::1]:5000/m:latest"),
    ],
)
def test_default_tag(image: str, whole: str) -> None:
    assert with_default_tag(image) == whole


@pytest.mark.parametrize(
    "image", ["", "M", "m:", "m:1:2", "m@sha256:xy", "a//b", "-m", "m" * 300, "a/" * 400, "http://x/m"]
)
def test_what_is_no_name(image: str) -> None:
    with pytest.raises(ImageNameError, match="invalid reference format"):
        with_default_tag(image)


@pytest.mark.parametrize(
    ("container", "policy"),
    [
        ({"image": "m"}, "Always"),
        ({"image": "m:latest"}, "Always"),
        ({"image": "m:1"}, "IfNotPresent"),
        ({"image": f"m@{DIGEST}"}, "IfNotPresent"),
        ({"image": "m", "imagePullPolicy": "Never"}, "Never"),
        ({"image": "m:1", "imagePullPolicy": "Sometimes"}, "IfNotPresent"),
    ],
)
def test_policy(container: dict[str, str], policy: str) -> None:
    assert pull_policy(container) == policy


@pytest.mark.parametrize(
    ("policy", "present", "verdict"),
    [
        (PullPolicy.ALWAYS, True, Verdict.PULL),
        (PullPolicy.IF_NOT_PRESENT, True, Verdict.USE),
        (PullPolicy.IF_NOT_PRESENT, False, Verdict.PULL),
        (PullPolicy.NEVER, True, Verdict.USE),
        (PullPolicy.NEVER, False, Verdict.REFUSE),
    ],
)
def test_judging(policy: PullPolicy, present: bool, verdict: Verdict) -> None:
    assert judge(policy, present) is verdict


def test_messages() -> None:
    assert pulled_message("m:1", 1_234_567, 2_000_000, 5) == (
        'Successfully pulled image "m:1" in 1.234s (2s including waiting). Image size: 5 bytes.'
    )
    assert progress_message("m:1", 50, 200) == 'Pulling image "m:1": 25% of 200 bytes'
    assert progress_message("m:1", 50, 0) == 'Pulling image "m:1": 0% of 0 bytes'
