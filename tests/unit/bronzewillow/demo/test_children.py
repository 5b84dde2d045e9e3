"""Children are waited for until they serve, and told apart from those that fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.demo.children import Child
from bronzewillow.demo.errors import DemoError
from bronzewillow.testing.aio import run

pytestmark = pytest.mark.loopback

SERVES = "import sys, signal\nprint('ready', file=sys.stderr, flush=True)\nsignal.pause()\n"
FAILS = "import sys\nsys.exit('node.toml:3: overlay.vni: expected a number')\n"
STUBBORN = "import sys, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVES


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module named `grownup` that a child runs."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "grownup.py"


def test_ready_is_waited_for_and_sigterm_ends_it(module: Path, tmp_path: Path) -> None:
    module.write_text(SERVES)

    async def main() -> int | None:
        child = await Child.start("the child", "grownup", [], tmp_path / "log")
        await child.wait_ready(60)
        await child.end()
        return child.process.returncode

    assert run(main()) == -15


def test_a_child_that_ends_early_is_named_with_its_last_line(module: Path, tmp_path: Path) -> None:
    module.write_text(FAILS)

    async def main() -> None:
        child = await Child.start("the agent", "grownup", [], tmp_path / "log")
        await child.wait_ready(60)

    with pytest.raises(DemoError, match=r"^the agent ended with 1: node.toml:3: overlay.vni"):
        run(main())


def test_a_child_that_never_serves_is_given_up(module: Path, tmp_path: Path) -> None:
    module.write_text("import signal\nprint('loading', flush=True)\nsignal.pause()\n")

    async def main() -> None:
        child = await Child.start("the agent", "grownup", [], tmp_path / "log")
        try:
            await child.wait_ready(0.2)
        finally:
            await child.end()

    with pytest.raises(DemoError, match=r"not ready after 0 s: (loading|it said nothing)$"):
        run(main())


def test_a_stubborn_child_is_killed(module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module.write_text(STUBBORN)
    monkeypatch.setattr("bronzewillow.demo.children._END_S", 0.1)

    async def main() -> int | None:
        child = await Child.start("the child", "grownup", [], tmp_path / "log")
        await child.wait_ready(60)
        await child.end()
        return child.process.returncode

    assert run(main()) == -9
