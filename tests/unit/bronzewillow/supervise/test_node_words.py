from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bronzewillow.host.command import CommandError
from bronzewillow.supervise import node_words
from bronzewillow.supervise.node import UpOptions
from bronzewillow.supervise.node_words import NodeWords, bring_up, told_as_one_line
from bronzewillow.supervise.up_verb import up


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[UpOptions]:
    """What a node would be brought up with; this machine has a state folder of its own."""
    found: list[UpOptions] = []

    async def remember(options: UpOptions, tell: object) -> None:
        found.append(options)

    monkeypatch.setattr(node_words, "run_node", remember)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return found


def have_joined(tmp_path: Path, *, with_network: bool) -> Path:
    home = tmp_path / "state/bronzewillow/kubelet"
    home.mkdir(parents=True)
    (home / "node.json").write_text('{"node_name": "mac-1", "server": "https://10.0.0.1:6443"}')
    if with_network:
        (home / "network-kubeconfig").touch()
    return home


def test_words_can_be_said_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pods").mkdir()
    words = NodeWords(
        manifests=Path("pods"),
        outlet="127.0.0.1:1080",
        cni="calico",
        pod_pools=("10.65.0.0/24", "10.66.0.0/24"),
        inner_mac="own",
        kubelet_args=("max-pods=20",),
        keeps_pods=True,
        log_level="debug",
    ).checked()
    assert words.up_arguments() == (
        *("--manifests", str(tmp_path / "pods"), "--log-level", "debug", "--outlet", "127.0.0.1:1080"),
        *("--cni", "calico", "--inner-mac", "own"),
        *("--pod-pool", "10.65.0.0/24", "--pod-pool", "10.66.0.0/24"),
        *("--kubelet-arg", "max-pods=20", "--keep-pods"),
    )
    assert NodeWords().up_arguments() == ()


def test_a_node_of_a_cluster(tmp_path: Path, seen: list[UpOptions]) -> None:
    home = have_joined(tmp_path, with_network=True)
    bring_up(NodeWords(outlet="127.0.0.1:1080", kubelet_args=("eviction-hard=memory.available<1Gi", "x=")))
    (options,) = seen
    assert options.kubelet == ("--eviction-hard=memory.available<1Gi", "--x=")
    assert options.cluster is not None
    assert (options.cluster.name, options.cluster.kubeconfig) == ("mac-1", home / "network-kubeconfig")
    assert options.network == ("--outlet", "127.0.0.1:1080")


def test_a_node_without_an_identity_for_its_network(tmp_path: Path, seen: list[UpOptions]) -> None:
    have_joined(tmp_path, with_network=False)
    with pytest.raises(CommandError, match=r"node mac-1 .* runs `bronzewillow join --print-setup \| kubectl"):
        bring_up(NodeWords())
    (tmp_path / "node.toml").write_text(
        '[overlay]\naddress = "192.0.2.2"\nvni = 1\npod_cidr = "10.244.7.0/24"\n'
    )
    bring_up(NodeWords(config=tmp_path / "node.toml"))  # addresses can come of a file, too
    assert len(seen) == 1


@pytest.mark.parametrize(
    "words",
    [
        NodeWords(outlet="127.0.0.1:1080"),
        NodeWords(cni="flannel"),
        NodeWords(pod_pools=("10.65.0.0/24",)),
        NodeWords(inner_mac="own"),
        NodeWords(kubelet_args=("max-pods=20",)),
    ],
)
def test_what_only_a_node_of_a_cluster_has(words: NodeWords, seen: list[UpOptions]) -> None:
    name = words.up_arguments()[0]
    with pytest.raises(CommandError, match=f"{name}: is for a node of a cluster, and .* has joined none yet"):
        bring_up(words)
    assert seen == []


def test_a_network_of_a_file_follows_no_cluster(tmp_path: Path, seen: list[UpOptions]) -> None:
    have_joined(tmp_path, with_network=True)
    config = tmp_path / "node.toml"
    config.write_text('[overlay]\naddress = "192.0.2.2"\nvni = 1\npod_cidr = "10.244.7.0/24"\n')
    with pytest.raises(CommandError, match="--cni: a network that --config describes has no such thing"):
        bring_up(NodeWords(cni="flannel", config=config))
    assert seen == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--node-name", "A B"), "'A B': write lower-case letters"),
        (("--node-name", ""), "'': write lower-case letters"),
        (("--outlet", "1080"), "'1080': write HOST:PORT"),
        (("--outlet", "0.0.0.0:1080"), "'0.0.0.0:1080': everybody there could reach every pod"),
        (("--pod-pool", "10.65.0.1/24"), "10.65.0.1/24 has host bits set"),
        (("--kubelet-arg", "Max Pods"), "'Max Pods': write NAME=VALUE"),
        (("--kubelet-arg", "-v=3"), "'-v=3': write NAME=VALUE"),
        (("--kubelet-arg", "max-pods=3", "--kubelet-arg", "--home=/x"), "'--home=/x': say --root instead"),
    ],
)
def test_words_that_cannot_be_meant(words: tuple[str, ...], says: str) -> None:
    result = CliRunner().invoke(up, words)
    assert (result.exit_code, says in result.output) == (2, True), result.output


def test_a_full_disk_is_not_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for error, says in (
        (OSError(28, "No space left"), r"^No space left$"),
        (OSError(28, "No space left", "/f"), r"^/f: No space left$"),
    ):
        with pytest.raises(CommandError, match=says), told_as_one_line():
            raise error
