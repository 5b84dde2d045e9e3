"""The model's file, looked at first: llama.cpp's own words for a broken one help nobody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runtime.engine.interface import LoadError
from runtime.gguf import GgufError, GgufHeader, read_header


def open_model(path: Path, adapters: Sequence[Path] = ()) -> GgufHeader:
    """The model's header; LoadError with one line that names the file and what is wrong with it."""
    header = _open(path)
    if header.is_adapter:
        raise LoadError(f"{path}: is an adapter, not a model; name it with --adapter")
    for adapter in adapters:
        found = _open(adapter)
        if not found.is_adapter:
            raise LoadError(f"{adapter}: is no adapter: its general.type is not 'adapter'")
        if found.architecture != header.architecture:
            raise LoadError(f"{adapter}: is for {found.architecture}, the model is {header.architecture}")
    return header


def _open(path: Path) -> GgufHeader:
    try:
        return read_header(path)
    except FileNotFoundError as err:
        raise LoadError(f"{path}: no such file") from err
    except IsADirectoryError as err:
        raise LoadError(f"{path}: is a folder; name the .gguf file in it") from err
    except OSError as err:
        raise LoadError(f"{path}: {err.strerror or err}") from err
    except GgufError as err:
        raise LoadError(f"{path}: {err}") from err
