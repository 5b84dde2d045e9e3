from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from bronzewillow.host.tasks import spawn
from bronzewillow.testing.aio import end
from bronzewillow.testing.joinable import NODE, Joinable, on_cluster
from bronzewillow.testing.loopback import until
from kubelet.certificates import signing
from kubelet.certificates.pairs import PairFolder
from kubelet.certificates.requests import is_answered_by, serving_request
from kubelet.certificates.serving import ServingCertificate, ServingFolders
from kubelet.testing.manual_clock import ManualClock

pytestmark = pytest.mark.loopback
HOME = serving_request(NODE, (NODE,), ("192.0.2.7",))
ELSEWHERE = serving_request(NODE, (NODE,), ("198.51.100.7",))


@pytest.fixture(autouse=True)
def told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "_UNASKED_S", 0.0)


class Rig:
    def __init__(self, cluster: Joinable, folder: Path) -> None:
        self.folders = ServingFolders(PairFolder(folder, "serving"), PairFolder(folder, "self-signed"))
        self.shown: list[Path] = []
        self.commands: list[str] = []
        self.serving = ServingCertificate(
            cluster.node,
            self.folders,
            HOME,
            self.shown.append,
            self.commands.append,
            ManualClock(),
            Random(1),
        )


def test_it_vouches_for_itself_until_somebody_says_yes_and_then_changes(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        own = rig.serving.best()
        assert own.path == tmp_path / "self-signed-current.pem"
        assert own.certificate.issuer == own.certificate.subject
        assert rig.serving.best() == own  # and after a restart
        running = spawn(rig.serving.run(), name="serving")
        await until(lambda: rig.commands != [])
        (command,) = rig.commands
        await cluster.decide(command.removeprefix("kubectl certificate approve "), "Approved")
        assert rig.shown == [tmp_path / "self-signed-current.pem"]  # from the first moment on
        await until(lambda: len(rig.shown) == 2)
        assert rig.shown[-1] == tmp_path / "serving-current.pem"
        assert rig.serving.best().path == tmp_path / "serving-current.pem"
        await end(running)
        again = Rig(cluster, tmp_path)  # a new process has what the cluster signed, and nothing to wait for
        running = spawn(again.serving.run(), name="serving")
        await until(lambda: again.shown == [tmp_path / "serving-current.pem"])
        await end(running)
        assert cluster.refused() == []

    on_cluster(body)


def test_other_addresses_are_another_request(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        first = rig.serving.best()
        running = spawn(rig.serving.run(), name="serving")
        await until(lambda: len(rig.commands) == 1)
        rig.serving.serve_as(HOME)
        assert len(rig.shown) == 1
        rig.serving.serve_as(ELSEWHERE)
        assert rig.shown == [tmp_path / "self-signed-current.pem"] * 2
        assert is_answered_by(ELSEWHERE, rig.serving.best().certificate)
        assert rig.serving.best() != first
        await until(lambda: len(rig.commands) == 2)
        assert len(set(rig.commands)) == 2
        await end(running)

    on_cluster(body)


def test_what_the_cluster_signed_is_shown_while_its_successor_is_waited_for(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        rig = Rig(cluster, tmp_path)
        running = spawn(rig.serving.run(), name="serving")
        await until(lambda: rig.commands != [])
        await cluster.decide(rig.commands[0].removeprefix("kubectl certificate approve "), "Approved")
        await until(lambda: len(rig.shown) == 2)
        rig.serving.serve_as(ELSEWHERE)
        assert rig.serving.best().path == tmp_path / "serving-current.pem"
        await end(running)

    on_cluster(body)
