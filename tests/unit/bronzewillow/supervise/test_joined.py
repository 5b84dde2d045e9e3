from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.host.command import CommandError
from bronzewillow.kube.access import Cluster
from bronzewillow.supervise.joined import Joined, joined
from kubelet.membership.home import Home, Membership


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "bronzewillow" / "kubelet"
    folder.mkdir(parents=True)
    return folder


def test_what_a_kubelet_writes_is_read(home: Path) -> None:
    assert joined() is None
    server = "https://192.0.2.10:6443"
    Home(home).write(Membership("mac-1", server), Cluster(server))
    assert joined() == Joined("mac-1", server, Home(home).network_kubeconfig)


@pytest.mark.parametrize("text", ["", "{}", "[]", "\xff"])
def test_a_node_that_no_longer_knows_its_cluster_is_no_standalone_one(home: Path, text: str) -> None:
    (home / "node.json").write_text(text, encoding="latin-1")
    with pytest.raises(CommandError, match=r"node\.json: cannot be read .* join writes it anew"):
        joined()
