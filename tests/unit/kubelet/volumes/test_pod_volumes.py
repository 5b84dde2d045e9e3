"""The volumes of a pod: made, mounted, kept fresh, removed."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.kube.errors import NotFound, Unreachable
from bronzewillow.kube.resources import Object, Resource
from bronzewillow.testing.aio import run
from kubelet.provider.container_config import Mounted
from kubelet.references import References
from kubelet.volumes.errors import VolumeError
from kubelet.volumes.pod_volumes import PodVolumes, VolumeFolders, is_kept_here, kind_of, used_bytes
from kubelet.volumes.tokens import Tokens

from ..conftest import Pod, pod


class Api:
    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Object] = {
            ("configmaps", "settings"): {"data": {"a": "1"}},
            ("configmaps", "kube-root-ca.crt"): {"data": {"ca.crt": "CA"}},
            ("secrets", "key"): {"data": {"k": base64.b64encode(b"s").decode()}},
        }
        self.is_away = False
        self.on_get: Callable[[], Awaitable[None]] | None = None

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Object:
        if self.on_get is not None:
            await self.on_get()
        if self.is_away:
            raise Unreachable("away")
        if (resource.plural, name) not in self.objects:
            raise NotFound(name)
        return self.objects[resource.plural, name]

    async def create_subresource(
        self, resource: Resource, name: str, subresource: str, obj: Object, namespace: str = ""
    ) -> Object:
        return {"status": {"token": f"token of {name}"}}


class Rig:
    def __init__(self, folder: Path, roots: tuple[Path, ...] = ()) -> None:
        self.api, self.time = Api(), 0
        self.folder = folder
        references = References(self.api, lambda: self.time)
        tokens = Tokens(self.api, lambda: self.time, lambda: 0.0)
        self.volumes = PodVolumes(VolumeFolders(folder), references, tokens, self.field, roots)

    def field(self, pod: Any, item: Any) -> str:
        return f"{pod['metadata']['name']}:{item['fieldRef']['fieldPath']}"

    def read(self, volume: str, name: str) -> str:
        (found,) = (self.folder / "pods/u1/volumes").glob(f"*/{volume}/{name}")
        return found.read_text()


def with_volumes(*volumes: dict[str, Any], mounts: tuple[dict[str, Any], ...] = ()) -> Pod:
    container = {"name": "llm", "image": "tiny", "volumeMounts": list(mounts)}
    return pod(volumes=list(volumes), containers=[container])


TOKEN = {
    "name": "kube-api-access-x",
    "projected": {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {
                "downwardAPI": {
                    "items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]
                }
            },
        ]
    },
}


def test_all_kinds(tmp_path: Path) -> None:
    async def main() -> None:
        rig = Rig(tmp_path, (tmp_path,))
        await rig.volumes.set_up(
            with_volumes(
                {"name": "scratch", "emptyDir": {}},
                {"name": "settings", "configMap": {"name": "settings", "defaultMode": 0o600}},
                {"name": "key", "secret": {"secretName": "key"}},
                {"name": "me", "downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "x"}}]}},
                TOKEN,
                {"name": "host", "hostPath": {"path": str(tmp_path), "type": "Directory"}},
            )
        )
        assert rig.read("settings", "a") == "1"
        assert rig.read("key", "k") == "s"
        assert rig.read("me", "n") == "tiny:x"
        assert rig.read("kube-api-access-x", "token") == "token of default"
        assert rig.read("kube-api-access-x", "ca.crt") == "CA"
        assert rig.read("kube-api-access-x", "namespace") == "tiny:metadata.namespace"
        (scratch,) = tmp_path.glob("pods/u1/volumes/kubernetes.io~empty-dir/scratch")
        assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
        (token,) = tmp_path.glob("pods/u1/volumes/*/kube-api-access-x/token")
        assert stat.S_IMODE(token.stat().st_mode) == 0o600

    run(main())


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        ({"configMap": {"name": "none"}}, 'configmap "none" not found'),
        ({"secret": {"secretName": "none"}}, 'secret "none" not found'),
        ({"hostPath": {"path": "/etc"}}, "hostPath /etc: is not allowed"),
        ({"persistentVolumeClaim": {"claimName": "c"}}, "of the kind persistentVolumeClaim cannot be had"),
        ({"projected": {"sources": [{"clusterTrustBundle": {}}]}}, "of the kind clusterTrustBundle"),
    ],
)
def test_what_cannot_be(tmp_path: Path, volume: dict[str, Any], words: str) -> None:
    async def main() -> str:
        with pytest.raises(VolumeError) as wrong:
            await Rig(tmp_path).volumes.set_up(with_volumes({"name": "v", **volume}))
        return str(wrong.value)

    told = run(main())
    assert told.startswith('MountVolume.SetUp failed for volume "v" : ')
    assert words in told


def test_what_changes_is_seen_and_what_cannot_be_asked_stays(tmp_path: Path) -> None:
    async def main() -> None:
        rig = Rig(tmp_path)
        mine = with_volumes({"name": "settings", "configMap": {"name": "settings"}})
        await rig.volumes.set_up(mine)
        rig.api.objects["configmaps", "settings"] = {"data": {"a": "2", "b": "3"}}
        rig.time = 60 * 10**6
        rig.api.is_away = True
        await rig.volumes.refresh()
        assert rig.read("settings", "a") == "1"
        rig.api.is_away = False
        await rig.volumes.refresh()
        assert (rig.read("settings", "a"), rig.read("settings", "b")) == ("2", "3")
        del rig.api.objects["configmaps", "settings"]
        rig.time = 120 * 10**6
        await rig.volumes.refresh()
        assert rig.read("settings", "a") == "2"

    run(main())


def test_a_pods_own_changes_are_seen(tmp_path: Path) -> None:
    async def main() -> None:
        rig = Rig(tmp_path)
        mine = with_volumes(
            {"name": "me", "downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "x"}}]}}
        )
        await rig.volumes.set_up(mine)
        rig.volumes.desire({**mine, "metadata": {**mine["metadata"], "name": "other"}})
        rig.volumes.desire(pod(uid="stranger"))
        await rig.volumes.refresh()
        assert rig.read("me", "n") == "other:x"

    run(main())


def test_mounts(tmp_path: Path) -> None:
    async def main() -> list[Mounted]:
        rig = Rig(tmp_path, (tmp_path,))
        mine = with_volumes(
            {"name": "scratch", "emptyDir": {}},
            {"name": "settings", "configMap": {"name": "settings"}},
            {"name": "host", "hostPath": {"path": str(tmp_path)}},
            mounts=(
                {"name": "scratch", "mountPath": "/data", "subPathExpr": "$(WHO)"},
                {"name": "settings", "mountPath": "/etc/a", "subPath": "a"},
                {"name": "host", "mountPath": "/h", "readOnly": True, "mountPropagation": "HostToContainer"},
            ),
        )
        await rig.volumes.set_up(mine)
        return rig.volumes.mounts(
            mine, mine["spec"]["containers"][0], lambda text: text.replace("$(WHO)", "me")
        )

    base = tmp_path / "pods/u1/volumes"
    assert run(main()) == [
        Mounted("/data", str(base / "kubernetes.io~empty-dir/scratch/me")),
        Mounted("/etc/a", str(base / "kubernetes.io~configmap/settings/a"), True),
        Mounted("/h", str(tmp_path), True, "HostToContainer"),
    ]
    assert (base / "kubernetes.io~empty-dir/scratch/me").is_dir()
    assert (base / "kubernetes.io~configmap/settings/a").read_text() == "1"


@pytest.mark.parametrize(
    "mount", [{"name": "none", "mountPath": "/x"}, {"name": "s", "mountPath": "/x", "subPath": "../../etc"}]
)
def test_mounts_of_nothing_and_of_elsewhere(tmp_path: Path, mount: dict[str, Any]) -> None:
    mine = with_volumes({"name": "s", "emptyDir": {}}, mounts=(mount,))
    with pytest.raises(VolumeError, match=r"is not one of the pod|invalid path"):
        Rig(tmp_path).volumes.mounts(mine, mine["spec"]["containers"][0], str)


def test_what_an_empty_dir_with_a_limit_takes(tmp_path: Path) -> None:
    async def main() -> None:
        rig = Rig(tmp_path)
        limited = {"name": "s", "emptyDir": {"sizeLimit": "64Ki"}}
        await rig.volumes.set_up(with_volumes(limited, {"name": "free", "emptyDir": {}}))
        folder = tmp_path / "pods/u1/volumes/kubernetes.io~empty-dir/s"
        assert rig.volumes.usage("u1") == {"s": 0}
        assert (rig.volumes.has_limit("u1"), rig.volumes.has_limit("stranger")) == (True, False)
        (folder / "a").write_bytes(os.urandom(40_000))
        assert rig.volumes.usage("u1")["s"] >= 40_000
        assert rig.volumes.usage("stranger") == {}
        assert used_bytes(folder) >= 40_000

    run(main())


def test_nothing_is_left(tmp_path: Path) -> None:
    async def main() -> None:
        rig = Rig(tmp_path)
        await rig.volumes.set_up(with_volumes({"name": "s", "emptyDir": {}}))
        (tmp_path / "pods/old/volumes").mkdir(parents=True)
        (tmp_path / "pods/kept").mkdir()
        await rig.volumes.forget_strangers(["kept"])
        assert {path.name for path in (tmp_path / "pods").iterdir()} == {"u1", "kept"}
        await rig.volumes.tear_down("u1")
        await rig.volumes.tear_down("u1")
        assert {path.name for path in (tmp_path / "pods").iterdir()} == {"kept"}
        await Rig(tmp_path / "none").volumes.forget_strangers([])

    run(main())


def test_what_is_refreshed_while_its_pod_ends_does_not_come_back(tmp_path: Path) -> None:
    async def main() -> None:
        rig = Rig(tmp_path)
        await rig.volumes.set_up(with_volumes({"name": "settings", "configMap": {"name": "settings"}}))
        rig.time = 60 * 10**6
        rig.api.on_get = lambda: rig.volumes.tear_down("u1")
        await rig.volumes.refresh()
        assert list((tmp_path / "pods").iterdir()) == []

    run(main())


def test_no_source_is_an_empty_dir() -> None:
    assert (kind_of({"name": "v"}), kind_of({"name": "v", "secret": {}})) == ("emptyDir", "secret")


def test_whose_files_are_kept_here() -> None:
    assert is_kept_here({"name": "a"})
    assert is_kept_here({"name": "a", "configMap": {"name": "b"}})
    assert not is_kept_here({"name": "a", "hostPath": {"path": "/"}})
    assert not is_kept_here({"name": "a", "persistentVolumeClaim": {"claimName": "b"}})
