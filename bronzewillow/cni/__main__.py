"""`bronzewillow-cni`: what a runtime executes."""

from __future__ import annotations

import json
import os
import sys

from bronzewillow.cni.errors import CniError
from bronzewillow.cni.plugin import Places, run
from bronzewillow.cni.request import VERSIONS, parse_request
from bronzewillow.cni.result import emit_error
from bronzewillow.host.paths import control_socket, leases_folder, sandbox_sockets_folder


def main() -> None:
    """Environment and standard input to standard output; exit code 1 with an error there."""
    version = VERSIONS[-1]
    places = Places(control_socket(), leases_folder(), sandbox_sockets_folder())
    try:
        request = parse_request(os.environ, sys.stdin.buffer.read(1 << 20))
        version = request.version
        result = run(request, places)
    except CniError as error:
        sys.stdout.write(json.dumps(emit_error(error, version)) + "\n")
        sys.exit(1)
    if result is not None:
        sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
