"""Which kernel is chosen, by running the choosing module afresh."""

from __future__ import annotations

import logging
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.wire import _kernel, kernel

NATIVE = "bronzewillow.wire._native"


def choose() -> dict[str, Any]:
    return runpy.run_path(str(kernel.__file__), run_name="bronzewillow.wire.kernel")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BRONZEWILLOW_PURE", raising=False)
    monkeypatch.delenv("BRONZEWILLOW_REQUIRE_NATIVE", raising=False)


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no compiled kernel."""
    monkeypatch.setitem(sys.modules, NATIVE, None)


def test_the_chosen_one_is_what_it_says() -> None:
    from_native = kernel.Coalescer.__module__ == NATIVE
    assert kernel.NATIVE is from_native
    assert not _kernel.COMPILED


def test_pure_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRONZEWILLOW_PURE", "1")
    monkeypatch.setenv("BRONZEWILLOW_REQUIRE_NATIVE", "1")
    chosen = choose()
    assert chosen["NATIVE"] is False
    assert chosen["Coalescer"] is _kernel.Coalescer


def test_native_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    native = pytest.importorskip(NATIVE, reason="the compiled kernel is not built here")
    monkeypatch.setenv("BRONZEWILLOW_PURE", "0")
    chosen = choose()
    assert chosen["NATIVE"] is True
    assert chosen["Coalescer"] is native.Coalescer
    assert native.__file__ != _kernel.__file__ and not native.__file__.endswith(".py")


@pytest.mark.usefixtures("missing")
def test_a_missing_build_costs_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        chosen = choose()
    assert chosen["NATIVE"] is False
    assert chosen["segment"] is _kernel.segment
    assert len(caplog.records) == 1
    assert "build_ext --inplace" in caplog.text


@pytest.mark.usefixtures("missing")
def test_a_missing_build_is_an_error_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRONZEWILLOW_REQUIRE_NATIVE", "1")
    with pytest.raises(ImportError) as caught:
        choose()
    message = str(caught.value)
    assert "BRONZEWILLOW_REQUIRE_NATIVE" in message and "build_ext --inplace" in message
    assert "\n" not in message


def test_the_build_is_not_older_than_its_source() -> None:
    native = pytest.importorskip(NATIVE, reason="the compiled kernel is not built here")
    folder = Path(str(_kernel.__file__)).parent
    built = Path(native.__file__).stat().st_mtime
    stale = [name for name in ("_kernel.py", "_native.pxd") if (folder / name).stat().st_mtime > built]
    assert not stale, f"{stale} changed since the build: run `python setup.py build_ext --inplace`"
