from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bronzewillow.supervise.claim import Claim
from bronzewillow.supervise.errors import UpError
from bronzewillow.supervise.joined import Joined, joined
from bronzewillow.supervise.node import AGENT, KUBELET, NAMES, RUNTIME, STATIC_PODS, UP, Node, UpOptions
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until

pytestmark = pytest.mark.loopback
FAKE = """\
#!/bin/sh
echo "$(basename $0) $*" >> {log}
[ -e {folder}/bad ] && [ $(basename $0) = $(cat {folder}/bad) ] && echo "bad luck" && exit 1
[ "$1" = --end-all ] && [ -e {folder}/long ] && exec sleep 99
[ "$1" = --end-all ] && exit $(cat {folder}/end 2>/dev/null || echo 0)
trap 'echo "$(basename $0) TERM" >> {log}; kill $!; exit 0' TERM
trap 'echo "$(basename $0) HUP" >> {log}' HUP
echo ready
while :; do sleep 9 & wait $!; done
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of what programs are told, each of which is a script that does nothing but serve."""
    log = tmp_path / "calls"
    for name in ("bronzewillow", "llm-containerd", "llm-static-pods", "llm-kubelet"):
        (tmp_path / name).write_text(FAKE.format(log=log, folder=tmp_path))
        (tmp_path / name).chmod(0o700)
    monkeypatch.setattr("bronzewillow.supervise.node.find_program", lambda script: str(tmp_path / script))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    former = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a shell cannot trap what nohup has it ignore
    yield log
    signal.signal(signal.SIGHUP, former)


def make(calls: Path, told: list[tuple[str, str]], **options: object) -> Node:
    claims = calls.parent / "claims"
    claims.mkdir(exist_ok=True)
    return Node(UpOptions(**options), lambda name, line: told.append((name, line)), claims)  # type: ignore[arg-type]


def test_the_order_of_coming_and_going(calls: Path) -> None:
    told: list[tuple[str, str]] = []

    async def main() -> None:
        node = make(calls, told, manifests=Path("/m"), node_name="mac", config=Path("/c.toml"))
        await node.start()
        node.reload()
        await until(lambda: calls.read_text().count("HUP") == 2)
        await node.end(with_pods=True)

    run(main())
    lines = calls.read_text().splitlines()
    assert sorted(lines[:2]) == [
        "bronzewillow agent --config /c.toml --node-name mac --log-level info",
        "llm-containerd --log-level info",
    ]
    assert lines[2] == "llm-static-pods --manifests /m --node-name mac --log-level info"
    assert sorted(lines[3:5]) == ["bronzewillow HUP", "llm-static-pods HUP"]
    assert lines[5:7] == ["llm-static-pods TERM", "llm-static-pods --end-all"]
    assert sorted(lines[7:]) == ["bronzewillow TERM", "llm-containerd TERM"]
    assert list((calls.parent / "claims").iterdir()) == []
    assert {UP, AGENT, RUNTIME, STATIC_PODS, KUBELET} == set(NAMES)


def test_pods_that_are_kept_and_a_network_that_is_made_up(calls: Path) -> None:
    async def main() -> None:
        node = make(calls, [], keeps_pods=True)
        await node.start()
        await node.end(with_pods=True)

    run(main())
    text = calls.read_text()
    assert "llm-static-pods" not in text
    config = calls.parent / "state/bronzewillow/up/node.toml"
    assert f"agent --config {config}" in text
    assert "127.0.0.1" in config.read_text()


def test_one_that_cannot_begin_ends_the_others_and_no_pod(calls: Path) -> None:
    (calls.parent / "bad").write_text("llm-static-pods")

    async def main() -> None:
        node = make(calls, [], manifests=Path("/m"))
        with pytest.raises(UpError, match="static-pods ended with 1: bad luck"):
            await node.start()
        await node.end(with_pods=False)

    run(main())
    assert "--end-all" not in calls.read_text()
    assert calls.read_text().count("TERM") == 2


def test_pods_that_do_not_end(calls: Path) -> None:
    (calls.parent / "end").write_text("1")

    async def main() -> None:
        node = make(calls, [])
        await node.start()
        with pytest.raises(UpError, match="some pods could not be ended"):
            await node.end(with_pods=True)

    run(main())
    assert calls.read_text().count("TERM") == 2


def test_a_kill_ends_them_at_once_and_none_comes_up_again(calls: Path) -> None:
    told: list[tuple[str, str]] = []

    async def main() -> None:
        node = make(calls, told, manifests=Path("/m"))
        await node.start()
        node.kill()
        with pytest.raises(UpError, match="killed before pods were ended: what goes on"):
            await node.end(with_pods=True)

    run(main())
    assert len(calls.read_text().splitlines()) == 3  # no more than their starts
    assert not any("is started again" in line for _, line in told)


def test_a_kill_while_pods_end(calls: Path) -> None:
    (calls.parent / "long").touch()
    told: list[tuple[str, str]] = []

    async def main() -> None:
        node = make(calls, told)
        await node.start()
        ending = asyncio.gather(node.end(with_pods=True), return_exceptions=True)
        await until(lambda: "--end-all" in calls.read_text())
        node.kill()
        (error,) = await ending
        assert isinstance(error, UpError)
        assert "killed before all pods had ended" in str(error)

    run(main())
    assert len(calls.read_text().splitlines()) == 3
    assert not any("is started again" in line for _, line in told)


def test_in_a_cluster_the_kubelet_makes_pods_and_leaves_them_running(calls: Path) -> None:
    async def main() -> None:
        cluster = Joined("mac-1", "https://192.0.2.10:6443", Path("/k"))
        network = ("--outlet", "127.0.0.1:1080")
        node = make(calls, [], cluster=cluster, network=network, manifests=Path("/m"))
        await node.start()
        node.reload()
        await node.end(with_pods=True)

    run(main())
    lines = calls.read_text().splitlines()
    assert sorted(lines[:3]) == [
        "bronzewillow agent --kubeconfig /k --node-name mac-1 --outlet 127.0.0.1:1080 --log-level info",
        "llm-containerd --log-level info",
        "llm-kubelet run --static-pods /m --log-level info",
    ]
    assert lines[3] == "llm-kubelet TERM"
    assert sorted(lines[4:]) == ["bronzewillow TERM", "llm-containerd TERM"]


def test_a_node_that_has_left_its_cluster_is_not_started_again(calls: Path) -> None:
    told: list[tuple[str, str]] = []
    home = calls.parent / "state/bronzewillow/kubelet"
    home.mkdir(parents=True)
    (home / "node.json").write_text('{"node_name": "mac-1", "server": "https://192.0.2.10:6443"}')

    async def main() -> None:
        node = make(calls, told, cluster=joined())
        await node.start()
        kill_kubelet(told)
        await until(lambda: calls.read_text().count("llm-kubelet run") == 2)
        assert not node.has_left.is_set()
        await until(lambda: sum("kubelet is ready" in line for _, line in told) == 2)
        (home / "node.json").unlink()
        kill_kubelet(told)
        await node.has_left.wait()
        await node.end(with_pods=False)

    run(main())
    lines = calls.read_text().splitlines()
    assert sum(line.startswith("llm-kubelet run") for line in lines) == 2
    # what is left of its pods, nobody wants any more
    assert "llm-static-pods --end-all" in lines
    assert lines.index("llm-static-pods --end-all") < lines.index("llm-containerd TERM")


def kill_kubelet(told: list[tuple[str, str]]) -> None:
    said = [line for _, line in told if line.startswith("kubelet is ready: process ")]
    os.kill(int(said[-1].split()[4].rstrip(",")), signal.SIGTERM)


def test_a_daemon_that_a_killed_up_left_makes_way_also_where_there_is_to_be_none(calls: Path) -> None:
    told: list[tuple[str, str]] = []

    async def main() -> int:
        node = make(calls, told)
        claim = Claim(calls.parent / "claims" / f"{STATIC_PODS}.lock")
        assert claim.former() is None
        left = await asyncio.create_subprocess_exec("sleep", "60", pass_fds=(claim.descriptor,))
        claim.name(left.pid)
        os.close(claim.descriptor)
        await node.start()
        await node.end(with_pods=True)
        return await left.wait()

    assert run(main()) == -signal.SIGTERM
    assert any(line.startswith("static-pods of a former `up`, process ") for _, line in told)
    assert list((calls.parent / "claims").iterdir()) == []
    assert "llm-static-pods --manifests" not in calls.read_text()
