"""The model's file, looked at first: llama.cpp's own words for a broken one help nobody."""

from __future__ import annotations

from pathlib import Path

from runtime.engine.interface import LoadError
from runtime.gguf import GgufError, GgufHeader, read_header


def open_model(path: Path) -> GgufHeader:
    """The header; LoadError with one line that names the file and what is wrong with it."""
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
