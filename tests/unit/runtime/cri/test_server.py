from __future__ import annotations

import grpc
import pytest

from bronzewillow.host import kept
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until
from runtime.api import cri_pb2 as api
from runtime.api.cri_pb2_grpc import RuntimeServiceStub
from runtime.cri.errors import Unavailable
from runtime.cri.server import running

from .conftest import Rig

pytestmark = pytest.mark.loopback


def test_only_one_works_on_one_root(rig: Rig) -> None:
    async def main() -> None:
        async with rig.serving():
            assert rig.config.socket.stat().st_mode & 0o777 == 0o600
            assert rig.config.socket.parent.stat().st_mode & 0o777 == 0o700
            with pytest.raises(Unavailable, match="another llm-containerd"):
                async with running(rig.config):
                    pass
        assert not rig.config.socket.exists()

    run(main())


def test_a_socket_that_was_removed_is_there_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """For who comes; who is there, stays."""
    monkeypatch.setattr(kept, "_LOOK_EVERY_S", 0)

    async def main() -> None:
        async with rig.serving():
            await rig.runtime.Version(api.VersionRequest())
            rig.config.socket.unlink()
            await until(lambda: "is there again" in caplog.text)
            assert rig.config.socket.stat().st_mode & 0o777 == 0o600
            options = [("grpc.use_local_subchannel_pool", 1)]
            async with grpc.aio.insecure_channel(f"unix:{rig.config.socket}", options) as channel:
                await RuntimeServiceStub(channel).Version(api.VersionRequest())
            await rig.runtime.Version(api.VersionRequest())
        assert not rig.config.socket.exists()

    run(main())
