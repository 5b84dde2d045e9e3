"""Kubeconfig files: read into an `Access`, and written for a node that has joined."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bronzewillow.kube.access import Access, Cluster, Identity, Presented
from bronzewillow.kube.errors import BadCredentials
from bronzewillow.kube.exec_plugin import API_VERSIONS, ExecConfig, ExecIdentity
from bronzewillow.kube.identity import FileIdentity, HeldIdentity

_LONGEST_BYTES = 4 << 20
_NOT_OURS = {
    "auth-provider": "use an exec plugin",
    "username": "API servers take no passwords; use a token or a certificate",
    "as": "give the credentials themselves",
}
_EXEC_EXTENSION = "client.authentication.k8s.io/exec"


def load_kubeconfig(path: Path) -> Access:
    """What the file's current context names. BadCredentials, in one line with the file's name."""
    config = _read(path)
    chosen = str(config.get("current-context") or "")
    if not chosen:
        raise BadCredentials(f"{path}: no current-context; name a context")
    names = _named(config, "contexts", "context", chosen, path)
    cluster_fields = _named(config, "clusters", "cluster", str(names.get("cluster", "")), path)
    cluster = _cluster(cluster_fields, path)
    if not names.get("user"):
        return Access(cluster, HeldIdentity())
    user = _named(config, "users", "user", str(names["user"]), path)
    return Access(cluster, _identity(user, path, cluster, cluster_fields))


def emit_kubeconfig(
    cluster: Cluster, *, certificate: Path | None = None, key: Path | None = None, token: Path | None = None
) -> bytes:
    """A file for one user whose credentials are in files, which may be renewed."""
    about: dict[str, Any] = {"server": cluster.server}
    if cluster.ca_pem:
        about["certificate-authority-data"] = base64.b64encode(cluster.ca_pem).decode()
    if cluster.tls_server_name:
        about["tls-server-name"] = cluster.tls_server_name
    if cluster.proxy_url:
        about["proxy-url"] = cluster.proxy_url
    files = {"client-certificate": certificate, "client-key": key, "tokenFile": token}
    user = {name: str(path) for name, path in files.items() if path is not None}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "default", "cluster": about}],
        "users": [{"name": "default", "user": user}],
        "contexts": [{"name": "default", "context": {"cluster": "default", "user": "default"}}],
        "current-context": "default",
    }
    return yaml.safe_dump(config, sort_keys=False).encode()


def parse_kubeconfig(content: bytes, where: str) -> dict[str, Any]:
    """The file as it is; `where` names it in errors. BadCredentials."""
    try:
        config = yaml.safe_load(content)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise BadCredentials(f"{where}: {line}is no YAML") from None
    except (ValueError, RecursionError):  # a number or a date that there is not; nested too deeply
        raise BadCredentials(f"{where}: is no YAML that says anything") from None
    if not isinstance(config, dict) or config.get("kind") != "Config":
        raise BadCredentials(f"{where}: is no kubeconfig (kind: Config)")
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_BYTES)
    except OSError as error:
        raise BadCredentials(f"{path}: cannot be read: {error.strerror}") from None
    return parse_kubeconfig(content, str(path))


def _named(config: Mapping[str, Any], section: str, part: str, name: str, path: Path) -> Mapping[str, Any]:
    """The `part` of the entry `name` in a list such as `clusters`."""
    entries = [one for one in config.get(section) or [] if isinstance(one, dict) and one.get("name") == name]
    if not entries:
        raise BadCredentials(f"{path}: {section}: there is no {name!r}")
    found = entries[0].get(part)
    if not isinstance(found, dict):
        raise BadCredentials(f"{path}: {name!r} has no {part!r}")
    return found


def _cluster(fields: Mapping[str, Any], path: Path) -> Cluster:
    server = str(fields.get("server") or "").rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise BadCredentials(f"{path}: cluster: server: {server!r} is no URL such as https://192.0.2.10:6443")
    return Cluster(
        server=server,
        ca_pem=_data_or_file(fields, "certificate-authority", path),
        tls_server_name=str(fields.get("tls-server-name") or ""),
        insecure=fields.get("insecure-skip-tls-verify") is True,
        proxy_url=str(fields.get("proxy-url") or ""),
    )


def _identity(
    fields: Mapping[str, Any], path: Path, cluster: Cluster, cluster_fields: Mapping[str, Any]
) -> Identity:
    for name, cure in _NOT_OURS.items():
        if fields.get(name):
            raise BadCredentials(f"{path}: user: {name} is not supported; {cure}")
    if fields.get("exec"):
        return ExecIdentity(_exec_config(fields["exec"], path, cluster, cluster_fields))
    if not fields.get("tokenFile") and (fields.get("token") or fields.get("client-certificate-data")):
        return HeldIdentity(
            Presented(
                certificate_pem=_data_or_file(fields, "client-certificate", path),
                key_pem=_data_or_file(fields, "client-key", path),
                token=str(fields.get("token") or ""),
            )
        )
    if "client-key-data" in fields:
        raise BadCredentials(f"{path}: user: client-key-data stands beside a client-certificate in a file")
    return FileIdentity(
        token=_file(fields, "tokenFile", path),
        certificate=_file(fields, "client-certificate", path),
        key=_file(fields, "client-key", path),
    )


def _exec_config(fields: Any, path: Path, cluster: Cluster, cluster_fields: Mapping[str, Any]) -> ExecConfig:
    try:
        command, version = str(fields["command"]), str(fields["apiVersion"])
        args = tuple(map(str, fields.get("args") or ()))
        env = {str(entry["name"]): str(entry["value"]) for entry in fields.get("env") or ()}
        mode = fields.get("interactiveMode", "IfAvailable")
        told = fields.get("provideClusterInfo") is True
    except (KeyError, TypeError, AttributeError) as error:
        raise BadCredentials(f"{path}: user: exec: wrong or missing: {error}") from None
    if version not in API_VERSIONS:
        raise BadCredentials(f"{path}: user: exec: apiVersion {version}: known are {', '.join(API_VERSIONS)}")
    if mode == "Always":
        raise BadCredentials(f"{path}: user: exec: {command} wants a terminal; a daemon has none")
    if "/" in command:
        command = str(path.parent / command)
    return ExecConfig(
        command=command,
        args=args,
        env=env,
        api_version=version,
        install_hint=str(fields.get("installHint") or ""),
        cluster=_cluster_info(cluster, cluster_fields) if told else None,
    )


def _cluster_info(cluster: Cluster, fields: Mapping[str, Any]) -> dict[str, Any]:
    info: dict[str, Any] = {"server": cluster.server}
    if cluster.ca_pem:
        info["certificate-authority-data"] = base64.b64encode(cluster.ca_pem).decode()
    for name in ("tls-server-name", "insecure-skip-tls-verify", "proxy-url"):
        if fields.get(name):
            info[name] = fields[name]
    for extension in fields.get("extensions") or []:
        if isinstance(extension, dict) and extension.get("name") == _EXEC_EXTENSION:
            info["config"] = extension.get("extension")
    return info


def _file(fields: Mapping[str, Any], name: str, path: Path) -> Path | None:
    return path.parent / str(fields[name]) if fields.get(name) else None


def _data_or_file(fields: Mapping[str, Any], name: str, path: Path) -> bytes:
    if data := fields.get(f"{name}-data"):
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise BadCredentials(f"{path}: {name}-data: is no base64") from None
    if (file := _file(fields, name, path)) is None:
        return b""
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadCredentials(f"{path}: {name}: {file}: cannot be read: {error.strerror}") from None
