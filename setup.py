"""Builds the compiled packet kernel; all else about the package is in pyproject.toml.

The kernel is optional: without a C compiler the package installs and runs the interpreted one.
BRONZEWILLOW_REQUIRE_NATIVE=1 makes a failed build an error; BRONZEWILLOW_PURE=1 skips the build.
"""

from __future__ import annotations

import os

from setuptools import Extension, setup


def _is_set(name: str) -> bool:
    return os.environ.get(name, "") not in ("", "0")


REQUIRED = _is_set("BRONZEWILLOW_REQUIRE_NATIVE")


def _extensions() -> list[Extension]:
    if _is_set("BRONZEWILLOW_PURE"):
        return []
    try:
        from Cython.Build import cythonize
    except ImportError:
        if REQUIRED:
            raise
        return []
    kernel = Extension(
        "bronzewillow.wire._native",
        ["bronzewillow/wire/_kernel.py"],
        depends=["bronzewillow/wire/_native.pxd"],
        extra_compile_args=["-O3", "-g0"],
    )
    built: list[Extension] = cythonize(
        [kernel],
        build_dir="build",
        language_level=3,
        compiler_directives={
            "annotation_typing": False,  # types come from _native.pxd alone: a Python int is no C int
            "boundscheck": True,  # offsets come from strangers; a check costs less than a nanosecond
            "wraparound": False,
            "cdivision": True,  # all operands are unsigned or non-negative
        },
    )
    for extension in built:
        extension.optional = not REQUIRED  # cythonize() does not carry it over
    return built


setup(ext_modules=_extensions())
