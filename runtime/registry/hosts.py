"""Where a registry is really asked: mirrors, plain HTTP, own certificates.

A file `<folder>/<registry>/hosts.toml` has containerd's form (containerd, docs/hosts.md): `server`, and a
table `[host."URL"]` for each mirror with `capabilities`, `ca`, `client`, `skip_verify` and `header`.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bronzewillow.host.authorities import overlooked_authorities
from bronzewillow.host.parsing import parse_toml
from runtime.images.reference import DOCKER_HUB
from runtime.registry.errors import InvalidConfig

_CAPABILITIES = ("pull", "resolve", "push")
_API_HOSTS = {DOCKER_HUB: "registry-1.docker.io"}
_KEYS = {"capabilities", "ca", "client", "skip_verify", "header", "override_path"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place that speaks for a registry."""

    url: str
    """`https://host[:port][/path]`, without `/v2`."""
    capabilities: tuple[str, ...] = _CAPABILITIES
    ca: tuple[Path, ...] = ()
    client: tuple[Path, Path] | None = None
    """Certificate and key."""
    skip_verify: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    override_path: bool = False
    """The path of `url` is the whole root of the API."""

    @property
    def api(self) -> str:
        """The URL that the paths of the API follow."""
        return self.url if self.override_path else f"{self.url}/v2"

    @property
    def is_plain(self) -> bool:
        """Whether it is spoken to without TLS."""
        return self.url.startswith("http://")

    def tls(self, *, with_client: bool = True) -> ssl.SSLContext | bool:
        """For aiohttp; our own certificate is for the endpoint alone. InvalidConfig."""
        client = self.client if with_client else None
        if self.skip_verify and not client:
            return False
        overlooked = overlooked_authorities()
        authorities = (*self.ca, overlooked) if overlooked is not None else self.ca
        if not authorities and not client:
            return True
        context = ssl.create_default_context()
        # Python 3.13 asks for extensions that home-made authorities lack; Go, and so docker, does not.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        try:
            for path in authorities:
                context.load_verify_locations(path)
            if client:
                context.load_cert_chain(*client)
        except (OSError, ssl.SSLError) as error:
            raise InvalidConfig(f"certificates for {self.url}: {error.strerror or error}") from None
        if self.skip_verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


class Hosts:
    """Which endpoints each registry has."""

    def __init__(self, folder: Path | None = None, insecure: Sequence[str] = ()) -> None:
        """`insecure`: registries, by name, that are asked over plain HTTP."""
        self._folder = folder
        self._insecure = frozenset(insecure)

    def endpoints(self, registry: str, capability: str) -> list[Endpoint]:
        """Those that can `pull`, `resolve` or `push`, in the order to try. InvalidConfig."""
        scheme = "http" if registry in self._insecure else "https"
        own = Endpoint(f"{scheme}://{_API_HOSTS.get(registry, registry)}")
        path = self._file(registry)
        found = _parse(path, own) if path is not None else [own]
        return [one for one in found if capability in one.capabilities]

    def _file(self, registry: str) -> Path | None:
        if self._folder is None:
            return None
        # a colon has no place in the names of some file systems; containerd has the same second spelling
        names = (registry, registry.replace(":", "_") + "_" if ":" in registry else registry, "_default")
        paths = (self._folder / name / "hosts.toml" for name in names)
        return next((path for path in paths if path.is_file()), None)


def _parse(path: Path, own: Endpoint) -> list[Endpoint]:
    try:
        document = parse_toml(path.read_bytes())
    except OSError as error:
        raise InvalidConfig(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise InvalidConfig(f"{path}: is not TOML: {error}") from None
    hosts = document.pop("host", {})
    server = document.pop("server", None)
    if not isinstance(hosts, dict):
        raise InvalidConfig(f'{path}: host: write [host."https://mirror.example"]')
    found = [_endpoint(path, url, table) for url, table in hosts.items()]
    if server is not None and not isinstance(server, str):
        raise InvalidConfig(f"{path}: server: expected a URL")
    found.append(_endpoint(path, server if server is not None else own.url, document))
    return found


def _endpoint(path: Path, url: str, table: object) -> Endpoint:
    where = f"{path}: {url}"
    if not isinstance(table, dict):
        raise InvalidConfig(f"{where}: is no table")
    if unknown := sorted(set(table) - _KEYS):
        raise InvalidConfig(f"{where}: unknown key {unknown[0]}; there are {', '.join(sorted(_KEYS))}")
    full = url if "://" in url else f"https://{url}"
    parts = urlsplit(full)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise InvalidConfig(f"{where}: is no URL such as https://mirror.example:5000")
    capabilities = table.get("capabilities", list(_CAPABILITIES))
    if not isinstance(capabilities, list) or not set(map(str, capabilities)) <= set(_CAPABILITIES):
        raise InvalidConfig(f"{where}: capabilities are of {', '.join(_CAPABILITIES)}")
    headers = table.get("header", {})
    if not isinstance(headers, dict):
        raise InvalidConfig(f"{where}: header: is no table")
    return Endpoint(
        full.rstrip("/"),
        tuple(map(str, capabilities)),
        _paths(path, table.get("ca", [])),
        _client(path, table.get("client")),
        table.get("skip_verify") is True,
        {str(name): str(value) for name, value in headers.items()},
        table.get("override_path") is True,
    )


def _paths(path: Path, value: Any) -> tuple[Path, ...]:
    """Relative ones are beside the file."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise InvalidConfig(f"{path}: ca: expected a path or a list of them")
    return tuple(path.parent / one for one in values)


def _client(path: Path, value: Any) -> tuple[Path, Path] | None:
    if value is None:
        return None
    pair = value[0] if isinstance(value, list) and value and isinstance(value[0], list) else value
    if isinstance(pair, str):
        pair = [pair, pair]
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):
        raise InvalidConfig(f"{path}: client: expected a certificate and a key")
    return path.parent / pair[0], path.parent / pair[1]
