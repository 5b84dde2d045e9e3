"""One run of one plugin: environment and JSON in, JSON out (CNI specification, section 2)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bronzewillow.host.parsing import parse_json
from runtime.networks.errors import NetworkError

LIMIT_S = 60.0
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "USER", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")
"""Of our environment; a plugin finds what belongs to it where we do."""
_LONGEST_SAYING = 300


def plugin_folders() -> tuple[Path, ...]:
    """Where plugins are looked for: CNI_PATH, beside this program, and where other runtimes have them."""
    named = [Path(one) for one in os.environ.get("CNI_PATH", "").split(os.pathsep) if one]
    return (*named, Path(sys.executable).parent, Path("/opt/cni/bin"), Path("/usr/lib/cni"))


def find_plugin(kind: str, folders: Sequence[Path]) -> Path:
    """The program of that name. NetworkError."""
    found = shutil.which(kind, path=os.pathsep.join(map(str, folders)))
    if found is None:
        raise NetworkError(f"CNI plugin {kind}: is in none of {', '.join(map(str, folders))}")
    return Path(found)


async def run_plugin(
    program: Path, environment: Mapping[str, str], config: Mapping[str, Any], limit_s: float = LIMIT_S
) -> dict[str, Any] | None:
    """What it answers; None for nothing. NetworkError."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    try:
        process = await asyncio.create_subprocess_exec(
            str(program),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**kept, **environment},
            start_new_session=True,
        )
    except OSError as error:
        raise NetworkError(f"CNI plugin {program.name}: cannot be run: {error.strerror}") from None
    try:
        async with asyncio.timeout(limit_s):
            output, errors = await process.communicate(json.dumps(config).encode())
    except TimeoutError:
        raise NetworkError(f"CNI plugin {program.name}: did not end within {limit_s:g} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM of the dead
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return _answer(program.name, process.returncode or 0, output, errors)


def _answer(name: str, code: int, output: bytes, errors: bytes) -> dict[str, Any] | None:
    try:
        answer = parse_json(output) if output.strip() else None
    except ValueError:
        answer = None
        code = code or -1
    if not code and (answer is None or isinstance(answer, dict)):
        return answer
    said: dict[str, Any] = answer if isinstance(answer, dict) else {}
    words = [str(said.get("msg", "")), str(said.get("details", "")), errors.decode(errors="replace")]
    text = next(
        (" ".join(word.split()) for word in (": ".join(filter(None, words[:2])), words[2]) if word), ""
    )
    number = said.get("code")
    raise NetworkError(
        f"CNI plugin {name}: {text[:_LONGEST_SAYING] or f'ended with {code} and said nothing'}",
        number if isinstance(number, int) else 0,
    )
