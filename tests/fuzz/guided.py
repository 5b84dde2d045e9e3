"""Fuzzing that coverage guides (atheris): `python -m tests.fuzz.guided [--seconds 60] [--keep] [TARGET...]`.

Each target is a process of its own. A finding is saved to the corpus under its digest, as in `test_targets`,
and makes the exit status 1. `--keep` adds small inputs that reached what the corpus did not.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
_MOST_KEPT = 40
_MOST_BYTES = 400
_STATUS = re.compile(r"#(\d+)\s+DONE\s+cov: (\d+) ft: (\d+)")


def run_one(name: str, arguments: list[str]) -> None:
    """In the child: never returns."""
    import atheris  # an extra, and for Linux only

    with atheris.instrument_imports(include=["bronzewillow", "runtime"]):
        from tests.fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()


def child(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The interpreted packet kernel, as compiled code has no coverage to guide."""
    command = [sys.executable, "-m", "tests.fuzz.guided", "--one", name, "--", *arguments]
    environment = os.environ | {"BRONZEWILLOW_PURE": "1", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def fuzz(name: str, seconds: int, keep: bool) -> bool:
    """Whether nothing was found in so many seconds."""
    home = CORPUS / name
    with tempfile.TemporaryDirectory() as folder:
        found, new = (Path(folder) / part for part in ("found", "new"))
        for part in (found, new):
            part.mkdir()
        done = child(
            name, str(new), str(home), f"-max_total_time={seconds}", f"-artifact_prefix={found}/",
            "-max_len=4096", "-timeout=20", "-rss_limit_mb=2048", "-verbosity=1",
        )  # fmt: skip
        status = _STATUS.search(done.stderr)
        told = f"{status[1]} runs, {status[2]} edges, {status[3]} features" if status else "ended early"
        artifacts = [path for path in found.iterdir() if not path.name.startswith("slow")]
        print(f"{name:16} {told}, {len(artifacts)} findings", flush=True)
        for path in artifacts:
            data = path.read_bytes()
            (home / f"{hashlib.sha256(data).hexdigest()[:16]}.bin").write_bytes(data)
        if artifacts or done.returncode:
            print(done.stderr[-4000:], file=sys.stderr)
            return False
        if keep:
            _keep(home, new)
    return True


def _keep(home: Path, new: Path) -> None:
    """The smallest of those that brought something new, as far as a committed corpus should go."""
    known = {path.read_bytes() for path in home.glob("*.bin")}
    fresh = sorted((path.read_bytes() for path in new.iterdir()), key=len)
    room = max(_MOST_KEPT - len(known), 0)
    for data in [data for data in fresh if data not in known and len(data) <= _MOST_BYTES][:room]:
        (home / f"{hashlib.sha256(data).hexdigest()[:16]}.bin").write_bytes(data)


def main() -> int:
    """All targets, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--one", metavar="TARGET", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if arguments.one:
        run_one(arguments.one, arguments.names)
    names = arguments.names or sorted(path.name for path in CORPUS.iterdir())
    results = [fuzz(name, arguments.seconds, arguments.keep) for name in names]
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
