"""Images give way."""

from __future__ import annotations

from kubelet.model.image_gc import LEAST_AGE, ImageUse, images_to_remove, unused_images

OLD, USED, NEW, RECENT = (
    ImageUse("old", 5, 0, 1),
    ImageUse("used", 50, 0, 0),
    ImageUse("new", 50, 500 * 10**6, 0),
    ImageUse("recent", 5, 0, 9),
)
NOW = 500 * 10**6 + LEAST_AGE - 1


def removed(available: int) -> list[str]:
    images = [RECENT, NEW, USED, OLD]
    return [image.id for image in images_to_remove(images, frozenset({"used"}), 100, available, NOW)]


def test_not_below_the_high_mark() -> None:
    assert removed(16) == []


def test_those_used_longest_ago_down_to_the_low_mark() -> None:
    assert removed(15) == ["old"]
    assert removed(14) == ["old", "recent"]


def test_a_disk_of_unknown_size() -> None:
    assert list(images_to_remove([OLD], frozenset(), 0, 0, NOW)) == []


def test_all_that_nobody_uses() -> None:
    found = unused_images([RECENT, NEW, USED, OLD], frozenset({"used"}), NOW)
    assert [one.id for one in found] == ["old", "recent"]
