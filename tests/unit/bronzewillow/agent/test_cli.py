"""The command `agent`, as a shell runs it: what people get wrong."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bronzewillow.testing.agents import config_text
from bronzewillow.testing.aio import run
from bronzewillow.testing.command_line import Ended, bronzewillow
from bronzewillow.testing.ports import free_udp_port

pytestmark = pytest.mark.loopback


def good_config(folder: Path, port: int | None = None) -> Path:
    config = folder / "node.toml"
    config.write_text(config_text(port or free_udp_port(), 4790, folder / "s"))
    return config


def test_check_says_what_is_in_a_file(tmp_path: Path) -> None:
    config = good_config(tmp_path)
    ended = run(bronzewillow("agent", "--config", config, "--check"))
    assert ended == Ended(0, f"{config}: good: 1 peers, 1 pods\n", "")


def test_check_tells_each_mistake_in_a_line(tmp_path: Path) -> None:
    config = good_config(tmp_path)
    config.write_text(config.read_text().replace("vni = 1", "vni = -1").replace("vxlan", "vlan"))
    ended = run(bronzewillow("agent", "--config", config, "--check"))
    assert ended.code == 1
    lines = ended.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"bronzewillow: {config}:2: overlay.encap:")
    assert lines[1].startswith(f"bronzewillow: {config}:5: overlay.vni:")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("status", "--control", "/nonexistent/agent.sock"), 1, "no agent answers here"),
        (("flows", "--control", "/nonexistent/agent.sock"), 1, "no agent answers here"),
        (("capture", "--control", "/nonexistent/agent.sock", "-w", "/tmp/x/y/z"), 1, "no agent answers here"),
        (("capture",), 2, "Missing option '-w'"),
        (("agent",), 2, "say either --config FILE or --kubeconfig FILE"),
        (("agent", "--config", "/nonexistent.toml"), 1, "/nonexistent.toml: cannot be read"),
        (("agent", "--config", "/x", "--datagram-io", "magic"), 2, "'magic'"),
        (("agent", "--config", "/x", "--metrics", "9100"), 2, "write HOST:PORT"),
        (("agent", "--config", "/x", "--metrics", "a:\u00b2"), 2, "write HOST:PORT"),
        (("agent", "--config", "/x", "--metrics", f"a:{'9' * 5000}"), 2, "write HOST:PORT"),
        (("agent", "--config", "/x", "--metrics", "[::1]:99999"), 2, "write HOST:PORT"),
        (("agent", "--config", "/x", "--drain", "-1"), 2, "-1"),
        (("agent", "--cofnig", "/x"), 2, "--cofnig"),
        (("servve",), 2, "servve"),
    ],
)
def test_mistakes_are_one_line(arguments: tuple[str, ...], code: int, message: str) -> None:
    ended = run(bronzewillow(*arguments))
    assert ended.code == code
    assert message in ended.err
    assert ended.err.startswith("bronzewillow: ")
    assert ended.err.count("\n") == 1
    assert not ended.out


def test_a_port_in_use_and_an_address_of_others(tmp_path: Path) -> None:
    async def main() -> tuple[Ended, Ended]:
        tmp_path.chmod(0o700)
        control = ("--control", tmp_path / "c")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            config = good_config(tmp_path, taken.getsockname()[1])
            first = await bronzewillow("agent", "--config", config, *control)
        text = config.read_text().replace('address = "127.0.0.1"', 'address = "192.0.2.77"', 1)
        config.write_text(text)
        return first, await bronzewillow("agent", "--config", config, *control)

    in_use, not_ours = run(main())
    assert (in_use.code, not_ours.code) == (1, 1)
    assert "address already in use" in in_use.err
    assert "192.0.2.77" in not_ours.err
    assert "set overlay.address to one" in not_ours.err
    for ended in (in_use, not_ours):
        assert ended.err.count("\n") == 1


def test_a_metrics_host_without_an_address_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    options = ("--control", tmp_path / "c", "--metrics", "nowhere.invalid:9464")
    ended = run(bronzewillow("agent", "--config", good_config(tmp_path), *options))
    assert ended.code == 1
    assert ended.err.startswith("bronzewillow: nowhere.invalid:9464: ")
    assert ended.err.endswith("; choose another with --metrics\n")
    assert ended.err.count("\n") == 1


def test_a_metrics_port_in_use_is_named(tmp_path: Path) -> None:
    async def main() -> tuple[Ended, int]:
        tmp_path.chmod(0o700)
        config = good_config(tmp_path)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            metrics = ("--metrics", f"127.0.0.1:{port}")
            ended = await bronzewillow("agent", "--config", config, "--control", tmp_path / "c", *metrics)
            return ended, port

    ended, port = run(main())
    assert ended.code == 1
    assert f"127.0.0.1:{port}: address already in use; choose another with --metrics" in ended.err
    assert not (tmp_path / "c").exists()
