from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.testing.aio import run
from runtime.registry.credentials import NOBODY, Credentials, DockerConfig, default_config, registry_of
from runtime.registry.errors import InvalidConfig


def find(folder: Path, document: Any, registry: str = "registry.example:5000") -> Credentials:
    path = folder / "config.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return run(DockerConfig(path).find(registry))


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("server", ["registry.example:5000", "https://registry.example:5000/v1/"])
def test_auths(tmp_path: Path, server: str) -> None:
    found = find(tmp_path, {"auths": {"other.example": {}, server: {"auth": b64("me:pa:ss")}}})
    assert found == Credentials("me", "pa:ss")
    assert found.basic == f"Basic {b64('me:pa:ss')}"
    assert "pa:ss" not in repr(found)
    found = find(tmp_path, {"auths": {server: {"username": "me", "password": "x", "identitytoken": "t"}}})
    assert found == Credentials("me", "x", "t")


def test_nobody(tmp_path: Path) -> None:
    assert run(DockerConfig(tmp_path / "none").find("registry.example")) == NOBODY
    assert find(tmp_path, {}) == NOBODY
    assert find(tmp_path, {"auths": {"other.example": {"auth": "x"}}}) == NOBODY


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("{", "is not JSON"),
        ("[]", "is no JSON object"),
        ({"auths": []}, None),
        ({"auths": [1]}, "auths: is no object"),
        ({"auths": {"registry.example:5000": 1}}, "is no object"),
        ({"auths": {"registry.example:5000": {"auth": "???"}}}, "is not user:password in base64"),
        ({"auths": {"registry.example:5000": {"auth": b64("me")}}}, "is not user:password in base64"),
        ({"credsStore": "../evil"}, "is no name of a credential helper"),
        ({"credsStore": "nowhere"}, "docker-credential-nowhere, which cannot run"),
    ],
)
def test_mistakes_are_one_line_with_the_file(tmp_path: Path, document: Any, why: str | None) -> None:
    if why is None:
        assert find(tmp_path, document) == NOBODY
        return
    with pytest.raises(InvalidConfig, match=why) as raised:
        find(tmp_path, document)
    assert str(tmp_path / "config.json") in str(raised.value)
    assert "\n" not in str(raised.value)


HELPER = """#!/bin/sh
read registry
test "$1" = get || { echo "$1 $registry" >>"$HELPER_LOG"; exit 0; }
case $registry in
registry.example:5000) echo '{"ServerURL":"x","Username":"me","Secret":"pass"}' ;;
token.example) echo '{"Username":"<token>","Secret":"refresh"}' ;;
odd.example) echo '{"Username":1}' ;;
none.example) echo "credentials not found in native keychain"; exit 1 ;;
*) exit 3 ;;
esac
"""


def test_helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text(HELPER)
    helper.chmod(0o755)
    monkeypatch.setenv("HELPER_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert find(tmp_path, {"credsStore": "test"}) == Credentials("me", "pass")
    one = {"credsStore": "other", "credHelpers": {"token.example": "test"}}
    assert find(tmp_path, one, "token.example") == Credentials(identity_token="refresh")
    assert find(tmp_path, {"credsStore": "test"}, "none.example") == NOBODY
    with pytest.raises(InvalidConfig, match="did not answer with Username"):
        find(tmp_path, {"credsStore": "test"}, "odd.example")
    with pytest.raises(InvalidConfig, match="get failed with exit code 3"):
        find(tmp_path, {"credsStore": "test"}, "fails.example")
    docker = DockerConfig(tmp_path / "config.json")
    run(docker.save("a.example", Credentials("me", "pass")))
    run(docker.forget("a.example"))
    assert (tmp_path / "log").read_text() == (
        'store {"ServerURL": "a.example", "Username": "me", "Secret": "pass"}\nerase a.example\n'
    )


def test_dockers_own_registry_has_several_names(tmp_path: Path) -> None:
    auths = {"auths": {"https://index.docker.io/v1/": {"auth": "bWU6cGFzcw=="}}}
    for name in ("docker.io", "registry-1.docker.io", "index.docker.io"):
        assert find(tmp_path, auths, name) == Credentials("me", "pass")
    docker = DockerConfig(tmp_path / "new.json")
    run(docker.save("docker.io", Credentials("me", "pass")))
    assert list(json.loads((tmp_path / "new.json").read_text())["auths"]) == ["https://index.docker.io/v1/"]
    run(docker.forget("registry-1.docker.io"))
    assert run(docker.find("docker.io")) == NOBODY


def test_without_a_helper_the_file_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.json"
    docker = DockerConfig(path)
    run(docker.save("a.example", Credentials("me", "pa:ss")))
    assert run(docker.find("a.example")) == Credentials("me", "pa:ss")
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text(json.dumps(json.loads(path.read_text()) | {"other": 1}))
    run(docker.forget("a.example"))
    assert json.loads(path.read_text()) == {"auths": {}, "other": 1}
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidConfig, match="Not a directory"):
        run(DockerConfig(tmp_path / "file" / "config.json").save("a.example", NOBODY))


def test_where_docker_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", "/some/where")
    assert default_config() == Path("/some/where/config.json")
    monkeypatch.delenv("DOCKER_CONFIG")
    assert default_config() == Path.home() / ".docker/config.json"
    assert registry_of("http://Registry.example/v2/") == "registry.example"
