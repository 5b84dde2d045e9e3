"""Attaching pods: the chain of plugins for ADD, in reverse for DEL, and what they said meanwhile.

An ADD that fails is taken back at once. Results are kept in files, one for each attachment, as DEL and CHECK
are to be given them, also by a process that comes later (CNI specification, section 3, and libcni's cache).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

from bronzewillow.host.files import drop_halves, replace_file
from bronzewillow.host.parsing import parse_json
from bronzewillow.host.paths import make_private
from runtime.networks.config import NetworkConfig
from runtime.networks.errors import NetworkError
from runtime.networks.plugin import find_plugin, plugin_folders, run_plugin

IFNAME = "eth0"
_GC_SINCE = (1, 1)
_CHECK_SINCE = (0, 4)


@dataclass(frozen=True, slots=True)
class Attachment:
    """One pod on the network."""

    container_id: str
    arguments: Mapping[str, str]
    """CNI_ARGS: `K8S_POD_NAMESPACE` and its like."""


class Network:
    """One network of this node."""

    def __init__(self, config: NetworkConfig, results: Path, folders: Sequence[Path] | None = None) -> None:
        """`results`: the folder of what plugins answered."""
        self.config = config
        self._results = results
        self._folders = tuple(folders) if folders is not None else plugin_folders()

    async def add(self, attachment: Attachment) -> list[str]:
        """Its addresses, the first one first. NetworkError, after which nothing is left of it."""
        result: dict[str, Any] | None = None
        try:
            for plugin in self.config.plugins:
                result = await self._run("ADD", plugin, attachment, result)
            addresses = _addresses(result)
            make_private(self._results)
            replace_file(
                self._file(attachment.container_id), json.dumps(self._record(attachment, result)).encode()
            )
        except OSError as error:
            await self._undo(attachment)
            raise NetworkError(f"{self._results}: {error.strerror}") from None
        except BaseException:
            await self._undo(attachment)
            raise
        return addresses

    async def delete(self, container_id: str) -> None:
        """Also of what is not attached any more. NetworkError."""
        record = self._recorded(container_id)
        attachment = Attachment(container_id, record.get("arguments") or {})
        for plugin in reversed(self.config.plugins):
            await self._run("DEL", plugin, attachment, record.get("result"))
        self._file(container_id).unlink(missing_ok=True)

    async def check(self, container_id: str) -> None:
        """Whether it is still as ADD left it. NetworkError."""
        if not self.config.has_check or self._version() < _CHECK_SINCE:
            return
        record = self._recorded(container_id)
        for plugin in self.config.plugins:
            attachment = Attachment(container_id, record.get("arguments") or {})
            await self._run("CHECK", plugin, attachment, record.get("result"))

    async def collect(self, kept: Iterable[str]) -> None:
        """Take back the addresses of all containers but `kept`. NetworkError."""
        ids = set(kept)
        drop_halves(self._results)
        for path in self._files():
            if path.stem not in ids:
                await self.delete(path.stem)
        if self.config.has_gc and self._version() >= _GC_SINCE:
            valid = [{"containerID": one, "ifname": IFNAME} for one in sorted(ids)]
            for plugin in self.config.plugins:
                await self._run("GC", {**plugin, "cni.dev/valid-attachments": valid}, None, None)

    async def status(self) -> None:
        """Whether an ADD could be done now. NetworkError."""
        for plugin in self.config.plugins:
            if self._version() >= _GC_SINCE:
                await self._run("STATUS", plugin, None, None)
            else:
                find_plugin(str(plugin["type"]), self._folders)

    async def _run(
        self,
        verb: str,
        plugin: Mapping[str, Any],
        attachment: Attachment | None,
        previous: Mapping[str, Any] | None,
    ) -> dict[str, Any] | None:
        program = find_plugin(str(plugin["type"]), self._folders)
        config = {**plugin, "name": self.config.name, "cniVersion": self.config.version}
        if previous is not None:
            config["prevResult"] = previous
        environment = {"CNI_COMMAND": verb, "CNI_PATH": ":".join(map(str, self._folders))}
        if attachment is not None:
            environment |= {
                "CNI_CONTAINERID": attachment.container_id,
                "CNI_IFNAME": IFNAME,
                "CNI_NETNS": "",
                "CNI_ARGS": ";".join(f"{name}={value}" for name, value in attachment.arguments.items()),
            }
        return await run_plugin(program, environment, config)

    async def _undo(self, attachment: Attachment) -> None:
        for plugin in reversed(self.config.plugins):
            with contextlib.suppress(NetworkError):
                await self._run("DEL", plugin, attachment, None)

    def _record(self, attachment: Attachment, result: Mapping[str, Any] | None) -> dict[str, Any]:
        return {
            "containerId": attachment.container_id,
            "ifName": IFNAME,
            "networkName": self.config.name,
            "arguments": dict(attachment.arguments),
            "result": result,
        }

    def _recorded(self, container_id: str) -> dict[str, Any]:
        """Nothing when there is no file, or one that nobody can read."""
        try:
            found = parse_json(self._file(container_id).read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _file(self, container_id: str) -> Path:
        return self._results / f"{container_id}.json"

    def _files(self) -> list[Path]:
        try:
            return sorted(self._results.glob("*.json"))
        except OSError:
            return []

    def _version(self) -> tuple[int, ...]:
        return tuple(int(part) for part in self.config.version.split(".") if part.isdecimal())


def _addresses(result: Mapping[str, Any] | None) -> list[str]:
    try:
        found = [str(ip_interface(one["address"]).ip) for one in (result or {})["ips"]]
    except (KeyError, TypeError, ValueError):
        found = []
    if not found:
        raise NetworkError("the CNI plugins gave no address")
    return found
