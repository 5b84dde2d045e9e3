from __future__ import annotations

import pytest

from kubelet.static.quantity import parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0), ("128974848", 128974848), ("129e6", 129_000_000), ("129M", 129_000_000),
        ("123Mi", 123 << 20), ("1.5Gi", 3 << 29), ("1Ei", 1 << 60), ("1E", 10**18), ("2k", 2000),
        ("1500m", 2), (".5Ki", 512), ("1E3", 1000), ("1.", 1),
    ],
)  # fmt: skip
def test_quantities(text: str, value: int) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "4G B", "-1", "1KiB", "1K", "lots", "1e999", "9" * 30, "1..5"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        parse_quantity(text)
