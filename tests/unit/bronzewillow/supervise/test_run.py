from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from bronzewillow.host.paths import runtime_folder, state_folder
from bronzewillow.supervise import run as module
from bronzewillow.supervise.errors import UpError
from bronzewillow.supervise.run import check_root, live_in, look_in
from bronzewillow.testing.aio import run
from bronzewillow.testing.up_processes import Place

pytestmark = pytest.mark.loopback


def test_a_root_has_everything_but_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/home/x/state")
    monkeypatch.delenv("RUNM_STORE", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/x")
    live_in(tmp_path / "a" / "b")
    assert os.environ["RUNM_STORE"] == "/home/x/state/bronzewillow/images"
    assert os.environ["XDG_RUNTIME_DIR"] == str(tmp_path / "a/b/run")
    assert os.environ["XDG_STATE_HOME"] == str(tmp_path / "a/b/state")
    assert (tmp_path / "a/b/run").stat().st_mode & 0o777 == 0o700


def test_a_look_at_a_root_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR", "RUNM_STORE"):
        monkeypatch.setenv(variable, "/x")
    look_in(tmp_path / "a")
    assert (runtime_folder(), state_folder()) == (
        tmp_path / "a/run/bronzewillow",
        tmp_path / "a/state/bronzewillow",
    )
    assert list(tmp_path.iterdir()) == []


def test_a_root_that_others_may_enter_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR", "RUNM_STORE"):
        monkeypatch.setenv(variable, "/x")
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(0o755)
    with pytest.raises(UpError, match=r"run: others can enter it.*, or choose another --root"):
        live_in(tmp_path)


def test_a_root_is_as_long_as_the_sockets_of_pods_let_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SOCKET_PATH_BYTES", 103)
    longest = Path("/" + "x" * 58)
    check_root(longest)
    with pytest.raises(UpError, match=r"x: its path is longer by 1 than .* may have 103 bytes"):
        check_root(longest.with_name(longest.name + "x"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "MAX_SOCKET_PATH_BYTES", len(os.fsencode(tmp_path)) + 46)
    with pytest.raises(UpError, match="--root ö: its path is longer by 1 than"):
        check_root(Path("ö"))
    assert list(tmp_path.iterdir()) == []


def test_a_node_comes_up_and_leaves_nothing(place: Place) -> None:
    async def main() -> None:
        await place.make_image()
        place.write("a")
        async with place.up() as up:
            await up.until("\nready\n")
            await up.until("container llm is started")
            assert len(place.processes()) == 6  # up, three daemons, a shim, a model
            async with place.up() as second:
                assert await second.process.wait() == 1
                assert second.process.stderr is not None
                assert b"another `bronzewillow up` is at work" in await second.process.stderr.read()
            assert await up.end(signal.SIGINT) == 0
            assert "Traceback" not in up.log
            assert "static-pods    | pods that have ended: 1\n" in up.log
            assert up.log.endswith("up             | everything has ended\n")

    run(main())
    assert place.processes() == []
    assert list(place.run.iterdir()) == []
    assert list((place.state / "pods").iterdir()) == []
    assert list((place.state / "leases").glob("*.json")) == []


def test_a_second_signal_ends_it_at_once_and_pods_go_on(place: Place) -> None:
    async def main() -> None:
        await place.make_image()
        place.write("a")
        async with place.up() as up:
            await up.until("container llm is started")
            up.process.send_signal(signal.SIGTERM)
            await up.until("once more ends everything at once")
            # pods may have ended meanwhile, on a machine that has other things to do
            assert await up.end(signal.SIGINT) in (0, 1)
            assert "is started again" not in up.log
            assert "Traceback" not in up.log

    run(main())


def test_pods_that_a_former_one_kept_are_told_and_end_with_the_next(place: Place) -> None:
    async def main() -> None:
        await place.make_image()
        place.write("a")
        async with place.up("--keep-pods") as up:
            await up.until("container llm is started")
            assert await up.end() == 0
        async with place.up("--keep-pods", has_folder=False) as up:
            await up.until("\nready\n")
            assert await up.end() == 0
            assert "up             | pods of a former node go on: default/a-mac (since 20" in up.log
            assert "; they end with a node that is started without --keep-pods\n" in up.log
        async with place.up(has_folder=False) as up:
            await up.until("\nready\n")
            assert await up.end() == 0
            assert "; they end with this one\n" in up.log
            assert "static-pods    | pods that have ended: 1\n" in up.log

    run(main())
    assert place.processes() == []


def test_a_daemon_that_cannot_begin_is_told_in_one_line(place: Place) -> None:
    config = place.folder / "node.toml"
    config.write_text('[overlay]\naddress = "192.0.2.77"\nvni = 1\npod_cidr = "10.244.7.0/24"\n')

    async def main() -> None:
        async with place.up("--config", str(config)) as up:
            await up.until("not an address of this machine")
            assert up.process.stderr is not None
            up.log += (await up.process.stderr.read()).decode()
            assert await up.process.wait() == 1
            last = up.log.splitlines()[-1]
            assert last == (
                "bronzewillow: agent ended with 1: 192.0.2.77:4789: not an address of this machine; "
                "set overlay.address to one"
            )

    run(main())
    assert place.processes() == []
