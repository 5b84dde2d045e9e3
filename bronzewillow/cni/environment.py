"""What the network gives a pod's containers to find around them: the way out, by the agent's outlet for pods.

It is the file `environment` in the folder of the pod's sockets, a line `NAME=VALUE` for each; a container
runtime puts it before what the pod itself asks for. Names in small letters are there, too: curl knows them
alone.
"""

from __future__ import annotations

from pathlib import Path

from bronzewillow.cni.errors import CniError, Code
from bronzewillow.cni.leases import Lease
from bronzewillow.host.files import replace_file

_NOT_BY_PROXY = "localhost,127.0.0.1,::1"


def write_environment(folder: Path, lease: Lease, outlet: str) -> None:
    """`outlet`: HOST:PORT. CniError."""
    lines = [f"{name}={value}\n" for name, value in environment(lease, outlet).items()]
    try:
        replace_file(folder / "environment", "".join(lines).encode(), private=True)
    except OSError as error:
        raise CniError(Code.IO_FAILURE, f"{folder / 'environment'}: {error.strerror}") from None


def environment(lease: Lease, outlet: str) -> dict[str, str]:
    """The password is the pod's identity: whoever has it speaks from the pod's address."""
    if not lease.password:  # it is older than the outlet
        return {}
    proxy = f"http://{lease.name_at_outlet}:{lease.password}@{outlet}"
    names = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": _NOT_BY_PROXY}
    return names | {name.lower(): value for name, value in names.items()}
