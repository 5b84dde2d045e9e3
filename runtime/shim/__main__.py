"""`containerd-shim-runm-v2`: what containerd runs, by the name of the runtime `io.containerd.runm.v2`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bronzewillow.host.paths import runtime_folder
from runtime.shim.arguments import Arguments, parse_arguments


def main() -> None:
    """SystemExit with a line on standard error when it cannot."""
    arguments = parse_arguments(sys.argv[1:])
    root = Path(os.environ.get("RUNM_ROOT") or runtime_folder() / "runm")
    try:
        if arguments.version:
            from importlib.metadata import version

            print(f"containerd-shim-runm-v2 {version('bronzewillow')}")  # noqa: T201
        elif arguments.action == "start":
            _start(arguments)
        elif arguments.action == "delete":
            _delete(arguments, root)
        else:
            _serve(arguments, root)
    except (OSError, ValueError) as error:
        sys.exit(f"containerd-shim-runm-v2: {error}")


def _start(arguments: Arguments) -> None:
    from runtime.shim.bootstrap import group_of, is_alive, shim_socket, start_shim

    bundle = Path.cwd()  # containerd starts us there
    group = group_of(bundle, arguments.id)
    path = shim_socket(arguments.namespace, arguments.address, group)
    if not is_alive(path):
        start_shim(path, arguments.namespace, group, arguments.address, bundle).returncode = 0
    (bundle / "address").write_text(f"unix://{path}")  # where a containerd that starts again looks
    print(f"unix://{path}", end="", flush=True)  # noqa: T201


def _delete(arguments: Arguments, root: Path) -> None:
    import time

    from google.protobuf.timestamp_pb2 import Timestamp

    from runtime.api.task_pb2 import DeleteResponse
    from runtime.shim.exit_record import UNKNOWN_STATUS, ExitRecord, read_exit
    from runtime.shim.tasks import end_orphan

    end_orphan(root, arguments.id)
    record = read_exit(arguments.bundle) or ExitRecord(UNKNOWN_STATUS, time.time_ns())
    at = Timestamp()
    at.FromNanoseconds(record.at_ns)
    sys.stdout.buffer.write(DeleteResponse(exit_status=record.status, exited_at=at).SerializeToString())


def _serve(arguments: Arguments, root: Path) -> None:
    sys.modules["ssl"] = None  # type: ignore[assignment]  # a supervisor has no TLS: saves a quarter of its memory
    from runtime.oci.spare import Spare

    spare = Spare(root)  # first, as the pod will wait for its imports, not for ours
    from runtime.shim.server import serve

    serve(arguments, root, spare)


if __name__ == "__main__":
    main()
