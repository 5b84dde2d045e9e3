"""The volumes of a node's pods: set up before their sandboxes, kept fresh, removed after their containers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bronzewillow.kube.errors import KubeError
from kubelet.model.pod_spec import Object, integer, mapping, name, namespace, objects, spec, text, uid
from kubelet.provider.container_config import Mounted
from kubelet.references import FRESH, References
from kubelet.volumes.atomic_writer import write_payload
from kubelet.volumes.errors import VolumeError
from kubelet.volumes.host_path import host_path
from kubelet.volumes.payload import (
    File,
    Payload,
    checked_path,
    config_map_payload,
    downward_payload,
    merged,
    mode_of,
    secret_payload,
)
from kubelet.volumes.tokens import DEFAULT_LIFE_S, Tokens

FieldValue = Callable[[Object, Object], str]
"""Of a pod, what an item with `fieldRef` or `resourceFieldRef` says. ValueError."""
_TOKEN_MODE = 0o600
_REFRESH_AGE = 20_000_000
_WRITTEN = ("configMap", "secret", "downwardAPI", "projected")
_PLUGINS = {
    "emptyDir": "kubernetes.io~empty-dir",
    "configMap": "kubernetes.io~configmap",
    "secret": "kubernetes.io~secret",
    "downwardAPI": "kubernetes.io~downward-api",
    "projected": "kubernetes.io~projected",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VolumeFolders:
    """Below the kubelet's root."""

    root: Path

    def of_pod(self, pod_uid: str) -> Path:
        """The folder of all that one pod has."""
        return self.root / "pods" / pod_uid

    def of_volume(self, pod_uid: str, kind: str, volume: str) -> Path:
        """The folder of one volume."""
        return self.of_pod(pod_uid) / "volumes" / _PLUGINS[kind] / volume


class PodVolumes:
    """Sets up, refreshes and removes the volumes of one node's pods."""

    def __init__(
        self,
        folders: VolumeFolders,
        references: References,
        tokens: Tokens,
        field_value: FieldValue,
        host_roots: Sequence[Path] = (),
    ) -> None:
        """`host_roots`: below which hostPath is allowed."""
        self.folders, self._references, self._tokens = folders, references, tokens
        self._field_value, self._host_roots = field_value, tuple(host_roots)
        self._pods: dict[str, Object] = {}

    async def set_up(self, pod: Object) -> None:
        """All of a pod; again is no error. VolumeError in the words of FailedMount."""
        await self._write(pod, FRESH, is_first=True)
        self._pods[uid(pod)] = pod

    def desire(self, pod: Object) -> None:
        """Labels and annotations of a pod that has its volumes may have changed."""
        if uid(pod) in self._pods:
            self._pods[uid(pod)] = pod

    async def refresh(self) -> None:
        """What ConfigMaps, Secrets, tokens and fields say now; what cannot be had stays as it is."""
        for pod_uid, pod in list(self._pods.items()):
            if pod_uid not in self._pods:
                continue
            try:
                await self._write(pod, _REFRESH_AGE, is_first=False)
            except VolumeError as error:
                _log.info("pod %s/%s: %s", namespace(pod), name(pod), error)
            if pod_uid not in self._pods:  # it has ended meanwhile, and this was written after all was gone
                await self.tear_down(pod_uid)

    async def tear_down(self, pod_uid: str) -> None:
        """All of a pod; again is no error."""
        self._pods.pop(pod_uid, None)
        self._tokens.forget(pod_uid)
        await asyncio.to_thread(shutil.rmtree, self.folders.of_pod(pod_uid), True)

    async def forget_strangers(self, uids: Iterable[str]) -> None:
        """Folders of pods that are none of `uids`: they ended while nobody was here."""
        kept = {*uids, *self._pods}
        with contextlib.suppress(FileNotFoundError):
            for folder in list((self.folders.root / "pods").iterdir()):
                if folder.name not in kept:
                    await self.tear_down(folder.name)

    def mounts(self, pod: Object, container: Object, expand: Callable[[str], str]) -> list[Mounted]:
        """`expand` puts variables into a subPathExpr. VolumeError."""
        volumes = {text(one.get("name")): one for one in objects(spec(pod).get("volumes"))}
        return [
            self._mount(pod, volumes.get(text(mount.get("name")), {}), mount, expand)
            for mount in objects(container.get("volumeMounts"))
        ]

    def has_limit(self, pod_uid: str) -> bool:
        """Whether an emptyDir of a pod may only take so much."""
        return bool(self._limited(pod_uid))

    def usage(self, pod_uid: str) -> dict[str, int]:
        """The bytes of each emptyDir that has a limit."""
        folders = self.folders
        return {
            name: used_bytes(folders.of_volume(pod_uid, "emptyDir", name)) for name in self._limited(pod_uid)
        }

    def _limited(self, pod_uid: str) -> list[str]:
        return [
            text(volume.get("name"))
            for volume in objects(spec(self._pods.get(pod_uid, {})).get("volumes"))
            if mapping(volume.get("emptyDir")).get("sizeLimit") is not None
        ]

    async def _write(self, pod: Object, max_age: int, *, is_first: bool) -> None:
        for volume in objects(spec(pod).get("volumes")):
            try:
                await self._write_one(pod, volume, max_age, is_first=is_first)
            except (VolumeError, KubeError, ValueError, OSError) as error:
                words = f'MountVolume.SetUp failed for volume "{text(volume.get("name"))}" : {error}'
                raise VolumeError(words) from None

    async def _write_one(self, pod: Object, volume: Object, max_age: int, *, is_first: bool) -> None:
        kind = kind_of(volume)
        if kind in _WRITTEN:
            payload = await self._payload(pod, kind, mapping(volume.get(kind)), max_age)
            folder = self.folders.of_volume(uid(pod), kind, text(volume.get("name")))
            await asyncio.to_thread(write_payload, folder, payload)
        elif not is_first:
            return
        elif kind == "emptyDir":
            folder = self.folders.of_volume(uid(pod), kind, text(volume.get("name")))
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif kind == "hostPath":
            self._host_path(volume)
        else:
            raise VolumeError(f"volumes of the kind {kind} cannot be had on this node")

    async def _payload(self, pod: Object, kind: str, source: Object, max_age: int) -> Payload:
        mode = mode_of(source.get("defaultMode"))
        if kind != "projected":
            return await self._part(pod, kind, source, mode, max_age)
        return merged(
            [
                await self._part(pod, one, mapping(projection.get(one)), mode, max_age)
                for projection in objects(source.get("sources"))
                for one in projection
            ]
        )

    async def _part(self, pod: Object, kind: str, source: Object, mode: int, max_age: int) -> Payload:
        if kind == "configMap":
            wanted = text(source.get("name"))
            found = await self._references.config_map(namespace(pod), wanted, max_age)
            return config_map_payload(source, found, wanted, mode)
        if kind == "secret":
            wanted = text(source.get("secretName")) or text(source.get("name"))
            found = await self._references.secret(namespace(pod), wanted, max_age)
            return secret_payload(source, found, wanted, mode)
        if kind == "downwardAPI":
            return downward_payload(
                objects(source.get("items")), lambda item: self._field_value(pod, item), mode
            )
        if kind == "serviceAccountToken":
            life_s = integer(source.get("expirationSeconds"), DEFAULT_LIFE_S)
            token = await self._tokens.token(pod, text(source.get("audience")), life_s)
            return {checked_path(text(source.get("path"))): File(token.encode(), _TOKEN_MODE)}
        raise VolumeError(f"projections of the kind {kind} cannot be had on this node")

    def _mount(self, pod: Object, volume: Object, mount: Object, expand: Callable[[str], str]) -> Mounted:
        volume_name, kind = text(mount.get("name")), kind_of(volume) if volume else ""
        if kind == "hostPath":
            folder = self._host_path(volume)
        elif kind in _PLUGINS:
            folder = self.folders.of_volume(uid(pod), kind, volume_name)
        else:
            raise VolumeError(f'volume "{volume_name}" is not one of the pod')
        below = expand(text(mount.get("subPathExpr"))) or text(mount.get("subPath"))
        if below:
            folder = folder / checked_path(below)
            if kind in ("emptyDir", "hostPath") and not folder.exists():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Mounted(
            text(mount.get("mountPath")),
            str(folder),
            mount.get("readOnly") is True or kind in _WRITTEN,
            text(mount.get("mountPropagation")),
        )

    def _host_path(self, volume: Object) -> Path:
        source = mapping(volume.get("hostPath"))
        return host_path(text(source.get("path")), text(source.get("type")), self._host_roots)


def is_kept_here(volume: Object) -> bool:
    """Whether its files are below the kubelet's root; a hostPath's are not, nor what a pod is refused for."""
    return kind_of(volume) in _PLUGINS


def kind_of(volume: Object) -> str:
    """The key of its source; no source at all is an emptyDir, as in the API."""
    kinds = [key for key in volume if key != "name"]
    return kinds[0] if kinds else "emptyDir"


def used_bytes(folder: Path) -> int:
    """Of all files in it, as the disk has them; what goes meanwhile is not counted."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_blocks * 512
    return total
