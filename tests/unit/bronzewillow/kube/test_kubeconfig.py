from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from bronzewillow.kube.access import Access, Cluster, Presented
from bronzewillow.kube.errors import BadCredentials
from bronzewillow.kube.exec_plugin import ExecIdentity
from bronzewillow.kube.identity import FileIdentity
from bronzewillow.kube.kubeconfig import emit_kubeconfig, load_kubeconfig
from bronzewillow.testing.aio import run


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config(user: object = None, cluster: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://a:6443/", **(cluster or {})}}],
        "users": [{"name": "u", "user": {} if user is None else user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
        **more,
    }


def load(folder: Path, content: object) -> Access:
    path = folder / "config"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return load_kubeconfig(path)


def test_data_in_the_file(tmp_path: Path) -> None:
    user = {"client-certificate-data": b64("CERT"), "client-key-data": b64("KEY"), "token": "t"}
    access = load(tmp_path, config(user, {"certificate-authority-data": b64("CA"), "tls-server-name": "k"}))
    assert access.cluster == Cluster("https://a:6443", b"CA", tls_server_name="k")
    assert run(access.identity.present()) == Presented(b"CERT", b"KEY", "t")


def test_files_count_from_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("CA")
    (tmp_path / "token").write_text("t")
    access = load(tmp_path, config({"tokenFile": "token"}, {"certificate-authority": "ca.crt"}))
    assert access.cluster.ca_pem == b"CA"
    assert isinstance(access.identity, FileIdentity)
    assert run(access.identity.present()).token == "t"


def test_nobody(tmp_path: Path) -> None:
    contexts = [{"name": "x", "context": {"cluster": "c"}}]
    assert run(load(tmp_path, config(contexts=contexts)).identity.present()) == Presented()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    (tmp_path / "pair.pem").write_bytes(b"PEM")
    cluster = Cluster("https://a", b"CA\n", tls_server_name="k", proxy_url="http://p:1")
    path = tmp_path / "config"
    path.write_bytes(emit_kubeconfig(cluster, certificate=Path("pair.pem"), key=Path("pair.pem")))
    access = load_kubeconfig(path)
    assert access.cluster == cluster
    assert run(access.identity.present()) == Presented(b"PEM", b"PEM")


def test_an_exec_plugin(tmp_path: Path) -> None:
    exec_fields = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./login",
        "args": ["a", 1],
        "env": [{"name": "N", "value": "V"}],
        "provideClusterInfo": True,
        "interactiveMode": "IfAvailable",
    }
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    cluster = {"certificate-authority-data": b64("CA"), "extensions": [extension]}
    access = load(tmp_path, config({"exec": exec_fields}, cluster))
    assert isinstance(access.identity, ExecIdentity)
    found = access.identity.config
    assert (found.command, found.args, found.env) == (str(tmp_path / "login"), ("a", "1"), {"N": "V"})
    assert found.cluster == {
        "server": "https://a:6443",
        "certificate-authority-data": b64("CA"),
        "config": {"audience": "x"},
    }


_EXEC = {"apiVersion": "client.authentication.k8s.io/v1", "command": "login"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: [", "config: line 1: is no YAML"),
        ("[]", "is no kubeconfig"),
        ("[" * 5000, "config: is no YAML that says anything"),
        (f"a: {'9' * 5000}", "config: is no YAML that says anything"),
        ("a: 2026-99-99", "config: is no YAML that says anything"),
        (config(**{"current-context": ""}), "no current-context"),
        (config(**{"current-context": "z"}), "contexts: there is no 'z'"),
        (config(clusters=[]), "clusters: there is no 'c'"),
        (config(users=[7]), "users: there is no 'u'"),
        (config(users=[{"name": "u"}]), "'u' has no 'user'"),
        (config(cluster={"server": "a:6443"}), "is no URL"),
        (config(cluster={"certificate-authority-data": "?"}), "certificate-authority-data: is no base64"),
        (config(cluster={"certificate-authority": "gone"}), "gone: cannot be read"),
        (config({"username": "a"}), "username is not supported; API servers take no passwords"),
        (config({"auth-provider": {"name": "oidc"}}), "auth-provider is not supported; use an exec"),
        (config({"client-key-data": "aa==", "client-certificate": "f"}), "client-key-data stands beside"),
        (config({"exec": {"command": "x"}}), "exec: wrong or missing: 'apiVersion'"),
        (config({"exec": "x"}), "exec: wrong or missing"),
        (config({"exec": {**_EXEC, "apiVersion": "v9"}}), "apiVersion v9: known are"),
        (config({"exec": {**_EXEC, "interactiveMode": "Always"}}), "wants a terminal"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(BadCredentials, match=words) as caught:
        load(tmp_path, content)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BadCredentials, match="absent: cannot be read: No such file"):
        load_kubeconfig(tmp_path / "absent")
