"""ExecSync, for probes: a program of the node's own list, beside the container, never in it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runtime.cri.errors import DeadlineExceeded, InvalidArgument, PermissionDenied
from runtime.exec.descriptors import Descriptor
from runtime.exec.ledger import Ledger
from runtime.exec.program import start_program

_LONGEST_OUTPUT = 16 << 20
_NOT_FOUND_CODE = 127


@dataclass(frozen=True, slots=True)
class Allowed:
    """The programs that may be run, by the path that must be said; none, unless the node's owner says so."""

    programs: frozenset[str] = frozenset()

    def check(self, command: Sequence[str]) -> None:
        """Refuse what may not be run: InvalidArgument, PermissionDenied."""
        if not command or not command[0]:
            raise InvalidArgument("the command is missing")
        if command[0] not in self.programs:
            raise PermissionDenied(
                f"{command[0][:200]!r} may not be run on this node, as its processes are in no container"
                + ("; `llm-containerd --allow-exec PROGRAM` would allow it" if not self.programs else "")
            )


async def exec_sync(
    command: Sequence[str], environment: Mapping[str, str], limit_s: float, ledger: Ledger
) -> tuple[bytes, bytes, int]:
    """Output, errors and exit code; 0 seconds are no limit. DeadlineExceeded."""
    try:
        program = await start_program(command, environment, stdout=True, stderr=True)
    except OSError as error:
        return b"", f"{command[0]}: {error.strerror}\n".encode(), _NOT_FOUND_CODE
    assert program.stdout is not None and program.stderr is not None
    with ledger.noting(program.pid):
        program.begin()
        try:
            async with asyncio.timeout(limit_s or None):
                output, errors = await asyncio.gather(_bounded(program.stdout), _bounded(program.stderr))
                code = await program.wait()
        except TimeoutError:
            raise DeadlineExceeded(f"{command[0]}: did not end within {limit_s:g} s") from None
        finally:
            await program.end()
    return output, errors, code


async def _bounded(stream: Descriptor) -> bytes:
    """All of it is read, the beginning is kept."""
    kept = bytearray()
    while data := await stream.read():
        kept += data[: max(0, _LONGEST_OUTPUT - len(kept))]
    return bytes(kept)
