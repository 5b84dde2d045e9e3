"""What the network agent has published for this node is withdrawn, by its own program and rights."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from pathlib import Path

from bronzewillow.host.children import send_signal
from kubelet.membership.errors import MembershipError
from kubelet.membership.home import Home

_PROGRAM = "bronzewillow"
_LIMIT_S = 60.0


async def withdraw_network(home: Home, node_name: str) -> bool:
    """Whether there was anything to ask about: without an account of its own a network has nothing published.

    MembershipError.
    """
    if not home.network_kubeconfig.exists():
        return False
    program = _find()
    words = ("withdraw", "--kubeconfig", str(home.network_kubeconfig), "--node-name", node_name)
    try:
        process = await asyncio.create_subprocess_exec(
            program, *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        raise MembershipError(f"{program}: {error.strerror or error}") from None
    try:
        async with asyncio.timeout(_LIMIT_S):
            _, errors = await process.communicate()
    except TimeoutError:
        send_signal(process, signal.SIGKILL)
        await process.wait()
        raise MembershipError(f"the network is not withdrawn within {_LIMIT_S:.0f} s") from None
    if process.returncode:
        lines = errors.decode("utf-8", "replace").strip().splitlines() or ["it does not say why"]
        raise MembershipError(f"the network is not withdrawn: {lines[-1].removeprefix(f'{_PROGRAM}: ')}")
    return True


def _find() -> str:
    """Beside this program, where one installation puts both; else on the PATH. MembershipError."""
    for folder in (Path(sys.argv[0]).absolute().parent, Path(sys.executable).parent):
        if found := shutil.which(_PROGRAM, path=str(folder)):
            return found
    found = shutil.which(_PROGRAM)
    if found is None:
        raise MembershipError(
            f"{_PROGRAM}: not found beside this program, nor on the PATH; install bronzewillow anew"
        )
    return found
