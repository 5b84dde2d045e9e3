from __future__ import annotations

import json
from pathlib import Path

import pytest

from bronzewillow.testing.aio import run
from runtime.networks.config import NetworkConfig
from runtime.networks.errors import NetworkError
from runtime.networks.network import Attachment, Network

pytestmark = pytest.mark.loopback
POD = Attachment("c1", {"K8S_POD_NAME": "a", "K8S_POD_NAMESPACE": "n"})


class Chain:
    """Two plugins that write down what they are asked."""

    def __init__(self, folder: Path, version: str = "1.1.0") -> None:
        self.folder = folder
        for name in ("first", "second"):
            path = folder / name
            path.write_text(
                "#!/bin/sh\n"
                f'echo "{{\\"who\\": \\"{name}\\", \\"verb\\": \\"$CNI_COMMAND\\",'
                f' \\"args\\": \\"$CNI_ARGS\\",'
                f' \\"id\\": \\"$CNI_CONTAINERID\\", \\"config\\": $(cat)}}" >> {folder}/log\n'
                f"[ ! -e {folder}/{name}.fails ] || exit 1\n"
                f'[ "$CNI_COMMAND" != ADD ] || cat {folder}/answer\n'
            )
            path.chmod(0o755)
        (folder / "answer").write_text('{"ips": [{"address": "10.0.0.5/24"}, {"address": "fd00::5/64"}]}')
        config = NetworkConfig("pods", version, ({"type": "first"}, {"type": "second", "x": 1}))
        self.network = Network(config, folder / "results", [folder])

    @property
    def calls(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]

    @property
    def verbs(self) -> list[str]:
        return [f"{one['who']} {one['verb']}" for one in self.calls]


def test_the_chain(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    assert run(chain.network.add(POD)) == ["10.0.0.5", "fd00::5"]
    run(chain.network.check("c1"))
    run(chain.network.status())
    run(chain.network.delete("c1"))
    run(chain.network.delete("c1"))
    assert chain.verbs == [
        "first ADD", "second ADD", "first CHECK", "second CHECK", "first STATUS", "second STATUS",
        "second DEL", "first DEL", "second DEL", "first DEL",
    ]  # fmt: skip
    add, second, check, *_ = chain.calls
    assert (add["id"], add["args"]) == ("c1", "K8S_POD_NAME=a;K8S_POD_NAMESPACE=n")
    assert add["config"] == {"type": "first", "name": "pods", "cniVersion": "1.1.0"}
    result = json.loads((tmp_path / "answer").read_text())
    assert isinstance(second["config"], dict) and second["config"]["prevResult"] == result
    assert isinstance(check["config"], dict) and check["config"]["prevResult"] == result
    assert chain.calls[6]["args"] == add["args"]
    assert not list((tmp_path / "results").iterdir())


@pytest.mark.parametrize("which", ["first", "second", "answer"])
def test_an_add_that_fails_is_taken_back(tmp_path: Path, which: str) -> None:
    chain = Chain(tmp_path)
    if which == "answer":
        (tmp_path / "answer").write_text('{"ips": []}')
    else:
        (tmp_path / f"{which}.fails").touch()
    with pytest.raises(NetworkError):
        run(chain.network.add(POD))
    assert chain.verbs[-2:] == ["second DEL", "first DEL"]
    assert not (tmp_path / "results").exists() or not list((tmp_path / "results").iterdir())


def test_what_nobody_has_any_more_is_collected(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    for name in ("c1", "c2"):
        run(chain.network.add(Attachment(name, {})))
    run(chain.network.collect(["c2"]))
    assert [one["id"] for one in chain.calls if one["verb"] == "DEL"] == ["c1", "c1"]
    gc = chain.calls[-1]["config"]
    assert isinstance(gc, dict)
    assert gc["cni.dev/valid-attachments"] == [{"containerID": "c2", "ifname": "eth0"}]


def test_older_versions_have_fewer_verbs(tmp_path: Path) -> None:
    chain = Chain(tmp_path, "0.3.1")
    run(chain.network.status())
    run(chain.network.collect([]))
    run(chain.network.check("c1"))
    assert not (tmp_path / "log").exists()
    (tmp_path / "second").unlink()
    with pytest.raises(NetworkError, match="second"):
        run(chain.network.status())
