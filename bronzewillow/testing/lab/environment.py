"""What the product runs from in a lab: an installation that user 65534 may read.

    python -m bronzewillow.testing.lab.environment

prints the folder, made or brought up to date: `venv` with the project installed from a wheel, and
`model.gguf`. The working tree will not do: it, its interpreter and the model's cache may lie in a home that
is closed to others.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bronzewillow.testing.lab.netns import LabError, unprivileged

ROOT = Path(__file__).parents[3]
PACKAGES = ("bronzewillow", "runtime", "kubelet")
BUILD_FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
_SOURCE_SUFFIXES = (".py", ".pxd", ".pyi", ".toml", ".json", ".html", ".jinja", ".typed")
_PYTHONS = ("/usr/bin/python3", "python3", "python3.13", "python3.12", "python3.11", "python3.14")
_NEW_ENOUGH = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"


def sources(root: Path) -> Iterator[Path]:
    """The files that a wheel is built from, relative to `root`, in a steady order."""
    for name in BUILD_FILES:
        if (root / name).exists():
            yield Path(name)
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in _SOURCE_SUFFIXES and "__pycache__" not in path.parts and path.is_file():
                yield path.relative_to(root)


def digest(root: Path, files: Sequence[Path]) -> str:
    """Names and contents of `files`, as 12 hexadecimal digits."""
    whole = hashlib.sha256()
    for path in files:
        content = (root / path).read_bytes()
        whole.update(f"{path}\0{len(content)}\0".encode())
        whole.update(content)
    return whole.hexdigest()[:12]


def folder_for(root: Path, python: str) -> Path:
    """One folder for each working tree, interpreter and set of dependencies."""
    key = f"{root}\0{python}\0{digest(root, [Path('pyproject.toml')])}"
    return Path("/tmp") / f"bronzewillow-lab-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def copy_sources(root: Path, target: Path, files: Sequence[Path]) -> None:
    """A tree to build in, so that a build leaves nothing behind and finds nothing old."""
    for path in files:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, target / path)


def choose_python() -> str:
    """The first new enough interpreter that user 65534 may run; LabError when there is none."""
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for candidate in (str(base), *_PYTHONS):
        found = shutil.which(candidate)
        if found is None:
            continue
        # by way of env: setpriv's own exec may still search folders that its child could not
        argv = unprivileged(["env", found, "-c", _NEW_ENOUGH])
        if not subprocess.run(argv, capture_output=True, check=False, cwd="/").returncode:
            return found
    raise LabError("no Python 3.11 with venv that user 65534 may run: install python3 and python3-venv")


def prepare(root: Path = ROOT) -> Path:
    """The folder, up to date with the working tree. Safe to call from several processes at once."""
    os.umask(0o022)
    python = choose_python()
    folder = folder_for(root, python)
    folder.mkdir(mode=0o755, exist_ok=True)
    if folder.stat().st_uid != os.geteuid():
        raise LabError(f"{folder} belongs to somebody else: remove it")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(root, folder, python)
        _fetch_model(folder)
    return folder


def _install(root: Path, folder: Path, python: str) -> None:
    files = list(sources(root))
    stamp, now = folder / "stamp", digest(root, files)
    if stamp.exists() and stamp.read_text() == now:
        return
    venv = folder / "venv"
    fresh = not stamp.exists()
    if fresh:
        shutil.rmtree(venv, ignore_errors=True)
        _run(python, "-m", "venv", str(venv))
    stamp.unlink(missing_ok=True)
    pip = (str(venv / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check")
    with tempfile.TemporaryDirectory(prefix="build-", dir=folder) as work:
        tree, wheels = Path(work) / "tree", Path(work) / "wheels"
        copy_sources(root, tree, files)
        _run(*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(tree))
        wheel = str(next(wheels.glob("bronzewillow-*.whl")))
        _run(*pip, "install", *([] if fresh else ["--force-reinstall", "--no-deps"]), wheel)
    stamp.write_text(now)


def _fetch_model(folder: Path) -> None:
    target = folder / "model.gguf"
    if target.exists():
        return
    path = _run(sys.executable, "-m", "runtime.models.smollm2").strip().splitlines()[-1]
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        shutil.copyfile(path, file.name)
    Path(file.name).chmod(0o644)
    Path(file.name).rename(target)


def _run(*argv: str) -> str:
    result = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        raise LabError(f"{' '.join(argv)}: exit {result.returncode} (see above)")
    return result.stdout


def main() -> None:
    """Prepare, and print the folder."""
    try:
        folder = prepare()
    except LabError as error:
        sys.exit(f"lab: {error}")
    sys.stdout.write(f"{folder}\n")


if __name__ == "__main__":
    main()
