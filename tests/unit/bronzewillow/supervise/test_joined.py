from __future__ import annotations

from pathlib import Path

import pytest

from bronzewillow.host.command import CommandError
from bronzewillow.host.paths import identity_folder
from bronzewillow.kube.access import Cluster
from bronzewillow.supervise.joined import Joined, joined
from bronzewillow.supervise.run import live_in
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


def test_a_node_in_a_folder_of_its_own_is_found_where_it_lives(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/x")
    monkeypatch.setenv("RUNM_STORE", "/images")
    server = "https://192.0.2.10:6443"
    Home(home).write(Membership("mac-1", server), Cluster(server))
    root = tmp_path / "root"
    assert joined(root) is None
    assert not root.exists()
    live_in(root)
    identity_folder().mkdir(parents=True)
    Home(identity_folder()).write(Membership("mac-2", server), Cluster(server))
    found = joined(root)
    assert found is not None
    assert found == joined()
    assert found.name == "mac-2"


@pytest.mark.parametrize("text", ["", "{}", "[]", "\xff"])
def test_a_node_that_no_longer_knows_its_cluster_is_no_standalone_one(home: Path, text: str) -> None:
    (home / "node.json").write_text(text, encoding="latin-1")
    with pytest.raises(CommandError, match=r"node\.json: cannot be read .* join writes it anew"):
        joined()
