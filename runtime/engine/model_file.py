"""The model's file, looked at first: llama.cpp's own words for a broken one help nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from runtime.engine.interface import LoadError
from runtime.gguf import GgufError, GgufHeader, read_header, read_headers

_T = TypeVar("_T")


def open_model(path: Path, adapters: Sequence[Path] = (), projector: Path | None = None) -> GgufHeader:
    """The model's header; LoadError with one line that names the file and what is wrong with it."""
    header, _ = _opened(path, read_headers)
    if header.is_adapter:
        raise LoadError(f"{path}: is an adapter, not a model; name it with --adapter")
    for adapter in adapters:
        found = _open(adapter)
        if not found.is_adapter:
            raise LoadError(f"{adapter}: is no adapter: its general.type is not 'adapter'")
        if found.architecture != header.architecture:
            raise LoadError(f"{adapter}: is for {found.architecture}, the model is {header.architecture}")
    if projector is not None:
        _check_projector(projector, header)
    return header


def _check_projector(path: Path, model: GgufHeader) -> None:
    found = _open(path)
    if found.architecture != "clip":
        raise LoadError(f"{path}: is no projector: its architecture is {found.architecture!r}, not 'clip'")
    made_for = found.metadata.get("clip.vision.projection_dim")
    if made_for is not None and model.embedding_length not in (0, made_for):
        raise LoadError(
            f"{path}: is for models with {made_for} numbers in an embedding, "
            f"this one has {model.embedding_length}"
        )


def _open(path: Path) -> GgufHeader:
    return _opened(path, read_header)


def _opened(path: Path, read: Callable[[Path], _T]) -> _T:
    try:
        return read(path)
    except FileNotFoundError as err:
        raise LoadError(f"{path}: no such file") from err
    except IsADirectoryError as err:
        raise LoadError(f"{path}: is a folder; name the .gguf file in it") from err
    except OSError as err:
        raise LoadError(f"{path}: {err.strerror or err}") from err
    except GgufError as err:
        raise LoadError(f"{path}: {err}") from err
