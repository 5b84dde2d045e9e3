"""imagePullSecrets: which of their credentials are for an image. Pure.

Source: kubernetes/kubernetes, pkg/credentialprovider/{config,keyring}.go. A key is `host[:port][/path]`,
labels of its host may be globs, and the longest that matches comes first.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass, field

from bronzewillow.host.parsing import parse_json
from kubelet.model.pod_spec import Object, mapping, text

_HUB = "index.docker.io"
_HUBS = ("docker.io", "registry-1.docker.io")


@dataclass(frozen=True, slots=True)
class Login:
    """For a registry, or a part of it."""

    key: str
    username: str
    password: str = field(repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)


def logins(secret: Object) -> list[Login]:
    """Of a Secret of either type; what cannot be read is not there."""
    kinds = {
        "kubernetes.io/dockerconfigjson": (".dockerconfigjson", "auths"),
        "kubernetes.io/dockercfg": (".dockercfg", ""),
    }
    key, below = kinds.get(text(secret.get("type")), ("", ""))
    try:
        config = parse_json(base64.b64decode(text(mapping(secret.get("data")).get(key)), validate=True))
    except (ValueError, binascii.Error):
        return []
    entries = mapping(mapping(config).get(below)) if below else mapping(config)
    return [login for name, entry in entries.items() if (login := _login(name, mapping(entry))) is not None]


def matching(logins: Iterable[Login], image: str) -> list[Login]:
    """Those for an image, the best first."""
    host, path = _split(image)
    found = [one for one in logins if _matches(_normal(one.key), host, path)]
    return sorted(found, key=lambda one: len(_normal(one.key)), reverse=True)


def _login(key: str, entry: Object) -> Login | None:
    username, password = text(entry.get("username")), text(entry.get("password"))
    if not username and entry.get("auth"):
        try:
            words = base64.b64decode(text(entry.get("auth")), validate=True).decode()
        except (ValueError, binascii.Error):
            return None
        username, _, password = words.partition(":")
    identity, registry = text(entry.get("identitytoken")), text(entry.get("registrytoken"))
    return Login(key, username, password, identity, registry) if username or identity or registry else None


def _normal(key: str) -> str:
    bare = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    for version in ("/v1", "/v2"):
        bare = bare.removesuffix(version)
    host, slash, path = bare.partition("/")
    return f"{_HUB if host in _HUBS else host}{slash}{path}"


def _split(image: str) -> tuple[str, str]:
    """A registry's host, and the repository's path."""
    bare = image.partition("@")[0]
    first, slash, rest = bare.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    host, path = (first, rest) if is_host else (_HUB, bare)
    head, _, tail = path.rpartition("/")
    path = f"{head}/{tail.partition(':')[0]}" if head else tail.partition(":")[0]
    return (_HUB if host in _HUBS else host), path


def _matches(key: str, host: str, path: str) -> bool:
    wanted, _, prefix = key.partition("/")
    wanted_name, _, wanted_port = wanted.partition(":")
    name, _, port = host.partition(":")
    globs, labels = wanted_name.split("."), name.split(".")
    if wanted_port != port or len(globs) != len(labels):
        return False
    if not all(fnmatch.fnmatchcase(label, glob) for glob, label in zip(globs, labels, strict=True)):
        return False
    return not prefix or path == prefix or path.startswith(f"{prefix}/")
