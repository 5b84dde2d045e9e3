from __future__ import annotations

import pytest

from runtime.images import errors


@pytest.mark.parametrize(
    "kind",
    [
        errors.InvalidReference,
        errors.InvalidDigest,
        errors.InvalidManifest,
        errors.UnservableImage,
        errors.InvalidParameters,
        errors.InvalidModelfile,
    ],
)
def test_each_is_an_image_error_and_says_its_text(kind: type[errors.ImageError]) -> None:
    with pytest.raises(errors.ImageError, match=r"^what is wrong$"):
        raise kind("what is wrong")


def test_the_mistakes_of_a_modelfile_are_kept_apart_and_told_in_one_line() -> None:
    error = errors.InvalidModelfile(("Modelfile:1: one", "Modelfile:3: two"))
    assert error.problems == ("Modelfile:1: one", "Modelfile:3: two")
    assert str(error) == "Modelfile:1: one; Modelfile:3: two"
    assert errors.InvalidModelfile("only").problems == ("only",)
    many = errors.InvalidModelfile(tuple(f"x:{number}: y" for number in range(2000)))
    assert len(many.problems) == 2000
    assert str(many).endswith("x:9: y; and 1,990 more")
