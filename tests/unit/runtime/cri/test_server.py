from __future__ import annotations

import pytest

from bronzewillow.testing.aio import run
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
