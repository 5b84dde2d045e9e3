"""Run in a namespace: an API server with a cluster's objects, and a kubeconfig of the network's account.

python serve_cluster.py CNI DOCUMENTS FOLDER

DOCUMENTS is a list in JSON. FOLDER is the agent's: `kubeconfig` and `token` go in there; `url`, `ca.pem` and
`admin.token` beside it are the administrator's.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from bronzewillow.adapters.network import Cni
from bronzewillow.kube.client import KubeClient
from bronzewillow.kube.kubeconfig import emit_kubeconfig
from bronzewillow.kube.resources import PODS, Object
from bronzewillow.testing.apiserver.server import api_server
from bronzewillow.testing.cluster_server import NETWORK_TOKEN, admit_agent, put_cluster
from bronzewillow.testing.lab.netns import NOBODY
from kubelet.membership.setup import NAMESPACE, SERVICE_ACCOUNT, setup_objects


async def serve(cni: Cni, documents: list[Object], folder: Path) -> None:
    """Until killed."""
    async with api_server() as server:
        put_cluster(server, cni, documents)
        admit_agent(server, setup_objects(), f"{NAMESPACE}:{SERVICE_ACCOUNT}")
        async with KubeClient(server.admin()) as admin:
            for pod in documents:
                if pod["kind"] == "Pod":  # its status is its kubelet's to write
                    status = {"status": pod["status"]}
                    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
                    await admin.patch(PODS, name, status, namespace, subresource="status")
        (folder.parent / "url").write_text(server.cluster.server)
        (folder.parent / "ca.pem").write_bytes(server.cluster.ca_pem)
        (folder.parent / "admin.token").write_text("admin-token")
        token = folder / "token"
        for path, content in (
            (token, NETWORK_TOKEN.encode()),
            (folder / "kubeconfig", emit_kubeconfig(server.cluster, token=token)),
        ):
            path.write_bytes(content)
            path.chmod(0o600)
            os.chown(path, NOBODY, NOBODY)
        sys.stderr.write("ready\n")
        sys.stderr.flush()
        await asyncio.Event().wait()


def main() -> None:
    """Serve."""
    cni, documents, folder = sys.argv[1:]
    asyncio.run(serve(Cni(cni), json.loads(Path(documents).read_text()), Path(folder)))


if __name__ == "__main__":
    main()
