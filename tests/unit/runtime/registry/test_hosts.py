from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from bronzewillow.testing.apiserver.authority import Authority
from runtime.registry.errors import InvalidConfig
from runtime.registry.hosts import Endpoint, Hosts


def hosts(folder: Path, text: str, registry: str = "registry.example") -> Hosts:
    (folder / registry).mkdir()
    (folder / registry / "hosts.toml").write_text(text)
    return Hosts(folder)


def urls(found: list[Endpoint]) -> list[str]:
    return [one.api for one in found]


def test_without_a_file_a_registry_is_itself_over_tls() -> None:
    assert urls(Hosts().endpoints("registry.example:5000", "pull")) == ["https://registry.example:5000/v2"]


def test_dockers_own_registry_answers_elsewhere() -> None:
    (endpoint,) = Hosts().endpoints("docker.io", "pull")
    assert endpoint.url == "https://registry-1.docker.io"


def test_plain_http_only_by_name() -> None:
    hosts = Hosts(None, ("127.0.0.1:5000",))
    assert urls(hosts.endpoints("127.0.0.1:5000", "push")) == ["http://127.0.0.1:5000/v2"]
    assert urls(hosts.endpoints("127.0.0.1:5001", "push")) == ["https://127.0.0.1:5001/v2"]
    assert urls(hosts.endpoints("localhost", "push")) == ["https://localhost/v2"]


def test_mirrors_come_first_for_what_they_can(tmp_path: Path) -> None:
    found = hosts(
        tmp_path,
        """
        server = "https://upstream.example"
        [host."http://mirror.example:5000"]
        capabilities = ["pull", "resolve"]
        [host."https://second.example/root"]
        capabilities = ["pull"]
        override_path = true
        header = {x-mine = "1"}
        """,
    )
    assert urls(found.endpoints("registry.example", "pull")) == [
        "http://mirror.example:5000/v2", "https://second.example/root", "https://upstream.example/v2",
    ]  # fmt: skip
    assert urls(found.endpoints("registry.example", "push")) == ["https://upstream.example/v2"]
    assert found.endpoints("registry.example", "pull")[1].headers == {"x-mine": "1"}
    assert urls(found.endpoints("other.example", "pull")) == ["https://other.example/v2"]


@pytest.mark.parametrize("folder", ["registry.example:5000", "registry.example_5000_", "_default"])
def test_the_names_of_folders(tmp_path: Path, folder: str) -> None:
    found = hosts(tmp_path, 'server = "http://here.example"', folder)
    assert urls(found.endpoints("registry.example:5000", "pull")) == ["http://here.example/v2"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("server = ", "is not TOML"),
        (f"server = {'9' * 5000}", "is not TOML: a number has too many digits"),
        (f"server = {'[' * 5000}", "is not TOML: it is nested too deeply"),
        ("server = 3", "expected a URL"),
        ("host = 3", "write"),
        ('[host]\n"https://m.example" = 3', "is no table"),
        ('[host."ftp://m.example"]', "is no URL"),
        ('[host."https://me:pw@m.example"]', "is no URL"),
        ('[host."https://m.example"]\nskip_verfy = true', "unknown key skip_verfy"),
        ('[host."https://m.example"]\ncapabilities = ["fly"]', "capabilities are of"),
        ('[host."https://m.example"]\nheader = 3', "header: is no table"),
        ('[host."https://m.example"]\nca = 3', "expected a path"),
        ('[host."https://m.example"]\nclient = [1]', "a certificate and a key"),
    ],
)
def test_mistakes_are_one_line_with_the_file(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(InvalidConfig, match=why) as raised:
        hosts(tmp_path, text).endpoints("registry.example", "pull")
    assert "hosts.toml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.registry.hosts.overlooked_authorities", lambda: None)
    assert Endpoint("https://a.example").tls() is True
    assert Endpoint("https://a.example", skip_verify=True).tls() is False
    with pytest.raises(InvalidConfig, match=r"certificates for https://a\.example"):
        Endpoint("https://a.example", ca=(tmp_path / "none",)).tls()
    (tmp_path / "ca.pem").write_bytes(Authority("ca").ca_pem)
    endpoint = hosts(tmp_path, 'server = "https://b.example"\nca = "../ca.pem"').endpoints(
        "registry.example", "pull"
    )
    assert isinstance(endpoint[0].tls(), ssl.SSLContext)
    one = hosts(tmp_path, 'client = [["c.pem", "k.pem"]]', "c.example").endpoints("c.example", "pull")[0]
    assert one.client == (tmp_path / "c.example/c.pem", tmp_path / "c.example/k.pem")
    with pytest.raises(InvalidConfig, match=r"c\.example"):
        one.tls()


def test_authorities_that_openssl_overlooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "system.pem").write_bytes(Authority("system").ca_pem)
    (tmp_path / "own.pem").write_bytes(Authority("own").ca_pem)
    monkeypatch.setattr("runtime.registry.hosts.overlooked_authorities", lambda: tmp_path / "system.pem")
    context = Endpoint("https://a.example", ca=(tmp_path / "own.pem",)).tls()
    assert isinstance(context, ssl.SSLContext)
    subjects = [ca["subject"] for ca in context.get_ca_certs()]
    assert ((("commonName", "system"),),) in subjects and ((("commonName", "own"),),) in subjects
    assert isinstance(Endpoint("https://a.example").tls(), ssl.SSLContext)
    assert Endpoint("https://a.example", skip_verify=True).tls() is False
