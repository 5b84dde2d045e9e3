"""Credentials, where Docker keeps them: `config.json` and the helpers that it names.

Source: docker/cli, "docker login", Credential stores; docker/docker-credential-helpers, README.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bronzewillow.host.children import send_signal
from bronzewillow.host.parsing import parse_json
from bronzewillow.host.paths import open_private
from runtime.images.reference import DOCKER_HUB
from runtime.registry.errors import InvalidConfig

_HELPER_LIMIT_S = 30.0
_HELPER_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_TOKEN_USER = "<token>"
_NOT_FOUND = "credentials not found"
_DOCKER_HUB = "https://index.docker.io/v1/"
"""Docker's own key for its own registry; the names are those that stand for it."""
_DOCKER_HUB_NAMES = ("index.docker.io", "registry-1.docker.io")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to one registry. Its secrets are not in its repr."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """An OAuth 2 refresh token, in place of a password."""
    registry_token: str = field(default="", repr=False)
    """A bearer token, to be sent as it is."""

    @property
    def basic(self) -> str:
        """The value of an Authorization header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


NOBODY = Credentials()


def default_config() -> Path:
    """Docker's file, and where DOCKER_CONFIG says that it is."""
    folder = os.environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else Path.home() / ".docker") / "config.json"


class DockerConfig:
    """One `config.json`, read anew each time, as `docker login` may change it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def find(self, registry: str) -> Credentials:
        """Those for `registry`, or NOBODY. InvalidConfig."""
        registry = registry_of(registry)
        document = self._read()
        if helper := self._helper(document, registry):
            code, out = await self._run(helper, "get", _key(registry))
            return NOBODY if code else _parse_helper(out, f"docker-credential-{helper}")
        for server, entry in _table(document, "auths", self._path).items():
            if registry_of(server) == registry:
                return self._parse(entry, server)
        return NOBODY

    async def save(self, registry: str, who: Credentials) -> None:
        """From now on `find` gives `who`. InvalidConfig."""
        registry = registry_of(registry)
        document = self._read()
        if helper := self._helper(document, registry):
            secret = {"ServerURL": _key(registry), "Username": who.username, "Secret": who.password}
            await self._run(helper, "store", json.dumps(secret))
            return
        entry = {"auth": base64.b64encode(f"{who.username}:{who.password}".encode()).decode()}
        document["auths"] = {**_table(document, "auths", self._path), _key(registry): entry}
        self._write(document)

    async def forget(self, registry: str) -> None:
        """The opposite. InvalidConfig."""
        registry = registry_of(registry)
        document = self._read()
        if helper := self._helper(document, registry):
            await self._run(helper, "erase", _key(registry))
            return
        auths = _table(document, "auths", self._path)
        document["auths"] = {key: one for key, one in auths.items() if registry_of(key) != registry}
        self._write(document)

    def _helper(self, document: Mapping[str, Any], registry: str) -> str:
        found = _table(document, "credHelpers", self._path).get(_key(registry)) or document.get("credsStore")
        return str(found or "")

    def _write(self, document: Mapping[str, Any]) -> None:
        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open_private(temporary) as file:
                file.write(json.dumps(document, indent="\t").encode())
            temporary.replace(self._path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise InvalidConfig(f"{self._path}: {error.strerror}") from None

    def _read(self) -> dict[str, Any]:
        try:
            document = parse_json(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise InvalidConfig(f"{self._path}: {error.strerror}") from None
        except ValueError as error:
            raise InvalidConfig(f"{self._path}: is not JSON: {error}") from None
        if not isinstance(document, dict):
            raise InvalidConfig(f"{self._path}: is no JSON object")
        return document

    def _parse(self, entry: object, server: str) -> Credentials:
        if not isinstance(entry, dict):
            raise InvalidConfig(f"{self._path}: auths.{server}: is no object")
        texts = {name: value for name, value in entry.items() if isinstance(value, str)}
        username, password = texts.get("username", ""), texts.get("password", "")
        if auth := texts.get("auth"):
            try:
                username, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                colon = ""
            if not colon:
                raise InvalidConfig(
                    f"{self._path}: auths.{server}.auth: is not user:password in base64; log in again"
                )
        return Credentials(
            username, password.rstrip("\0"), texts.get("identitytoken", ""), texts.get("registrytoken", "")
        )

    async def _run(self, helper: str, verb: str, said: str) -> tuple[int, bytes]:
        """What `docker-credential-HELPER VERB` answers; a code other than 0 is that it has nothing."""
        if not _HELPER_NAME.fullmatch(helper):
            raise InvalidConfig(f"{self._path}: {helper[:100]!r} is no name of a credential helper")
        program = f"docker-credential-{helper}"
        try:
            process = await asyncio.create_subprocess_exec(
                program, verb, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            raise InvalidConfig(
                f"{self._path}: names the helper {program}, which cannot run: {error.strerror}"
            ) from None
        try:
            async with asyncio.timeout(_HELPER_LIMIT_S):
                out, _ = await process.communicate(said.encode())
        except TimeoutError:
            raise InvalidConfig(f"{program} did not answer within {_HELPER_LIMIT_S:g} s") from None
        finally:
            send_signal(process, signal.SIGKILL)
        code = process.returncode or 0
        if code and _NOT_FOUND not in out.decode(errors="replace"):
            raise InvalidConfig(f"{program} {verb} failed with exit code {code}")
        return code, out


def registry_of(server: str) -> str:
    """The registry of a key of `auths`, which may be a URL."""
    found = re.sub(r"^https?://", "", server).partition("/")[0].lower()
    return DOCKER_HUB if found in _DOCKER_HUB_NAMES else found


def _key(registry: str) -> str:
    """Of `auths`, and for helpers."""
    return _DOCKER_HUB if registry == DOCKER_HUB else registry


def _parse_helper(out: bytes, program: str) -> Credentials:
    try:
        answer = parse_json(out)
        username, secret = answer["Username"], answer["Secret"]
    except (ValueError, KeyError, TypeError):
        raise InvalidConfig(f"{program} did not answer with Username and Secret") from None
    if not isinstance(username, str) or not isinstance(secret, str):
        raise InvalidConfig(f"{program} did not answer with texts")
    return Credentials(identity_token=secret) if username == _TOKEN_USER else Credentials(username, secret)


def _table(document: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    found = document.get(name) or {}
    if not isinstance(found, dict):
        raise InvalidConfig(f"{path}: {name}: is no object")
    return found
