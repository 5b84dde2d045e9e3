from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bronzewillow.kube.kubeconfig import emit_kubeconfig
from bronzewillow.membership.withdraw_verb import withdraw
from bronzewillow.testing.aio import run
from bronzewillow.testing.apiserver.calls import User
from bronzewillow.testing.apiserver.server import api_server


@pytest.mark.loopback
def test_as_a_program(tmp_path: Path) -> None:
    async def main() -> None:
        async with api_server() as server:
            server.tokens.given["secret"] = User("admin", ("system:masters",))
            (tmp_path / "token").write_text("secret")
            config = tmp_path / "kubeconfig"
            config.write_bytes(emit_kubeconfig(server.cluster, token=tmp_path / "token"))
            words = ("withdraw", "--kubeconfig", str(config), "--node-name", "mac-1")
            process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bronzewillow", *words)
            assert await process.wait() == 0

    run(main())


def test_a_mistake_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(withdraw, ["--kubeconfig", str(tmp_path / "none"), "--node-name", "mac-1"])
    assert result.exit_code == 1
    assert "Traceback" not in result.output
