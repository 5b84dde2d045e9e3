from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from bronzewillow.kube.resources import NODES
from bronzewillow.testing.agents import free_tcp_port
from bronzewillow.testing.joinable import NODE, TOKEN, Joinable, on_cluster
from bronzewillow.testing.loopback import until
from kubelet.certificates.token import parse_token
from kubelet.clock import SystemClock
from kubelet.membership.errors import MembershipError
from kubelet.membership.home import Home
from kubelet.membership.join import ByToken, join
from kubelet.membership.presence import Presence
from kubelet.run import RunOptions, run_kubelet

pytestmark = pytest.mark.loopback


def test_a_node_whose_certificate_is_gone_is_told_to_join_again(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        home = Home(tmp_path)
        how = ByToken(cluster.server.cluster.server, parse_token(TOKEN), ())
        await join(how, NODE, home, SystemClock(), lambda line: None)
        home.client_pairs.forget()
        with pytest.raises(MembershipError, match=r"client-current\.pem.*`bronzewillow join`"):
            await run_kubelet(RunOptions(home, tmp_path / "none"))

    on_cluster(body)


def test_a_process_is_the_node_until_it_is_ended(tmp_path: Path) -> None:
    async def body(cluster: Joinable) -> None:
        home = Home(tmp_path)
        how = ByToken(cluster.server.cluster.server, parse_token(TOKEN), ())
        await join(how, NODE, home, SystemClock(), lambda line: None)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "kubelet", "run", "--home", str(tmp_path), "--cri", str(tmp_path / "none"),
            "--port", str(free_tcp_port()),
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        try:
            while await process.stderr.readline() != b"ready\n":
                pass
            assert Presence(tmp_path).is_running()
            await until(lambda: cluster.server.store.get(NODES, "", NODE) is not None)
            conditions = (await cluster.admin.get(NODES, NODE))["status"]["conditions"]
            ready = next(one for one in conditions if one["type"] == "Ready")
            assert (ready["status"], ready["message"]) == (
                "False",
                "[container runtime is down, PLEG is not healthy: pleg has yet to be successful]",
            )
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        assert not Presence(tmp_path).is_running()
        assert cluster.refused() == []

    on_cluster(body)
