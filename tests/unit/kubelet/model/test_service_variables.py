"""Services' variables."""

from __future__ import annotations

from typing import Any

from kubelet.model.service_variables import service_variables


def service(name: str, ip: str, *ports: dict[str, Any], namespace: str = "default") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterIP": ip, "ports": list(ports)},
    }


HTTPS = {"name": "https", "port": 443, "protocol": "TCP"}
KUBERNETES = service("kubernetes", "10.96.0.1", HTTPS)
POD = {"metadata": {"namespace": "team"}}


def test_all_names_of_a_service() -> None:
    redis = service(
        "my-redis",
        "10.96.0.7",
        {"name": "cli-ent", "port": 6379},
        {"port": 53, "protocol": "UDP"},
        namespace="team",
    )
    assert service_variables([redis], POD) == {
        "MY_REDIS_SERVICE_HOST": "10.96.0.7",
        "MY_REDIS_SERVICE_PORT": "6379",
        "MY_REDIS_SERVICE_PORT_CLI_ENT": "6379",
        "MY_REDIS_PORT": "tcp://10.96.0.7:6379",
        "MY_REDIS_PORT_6379_TCP": "tcp://10.96.0.7:6379",
        "MY_REDIS_PORT_6379_TCP_PROTO": "tcp",
        "MY_REDIS_PORT_6379_TCP_PORT": "6379",
        "MY_REDIS_PORT_6379_TCP_ADDR": "10.96.0.7",
        "MY_REDIS_PORT_53_UDP": "udp://10.96.0.7:53",
        "MY_REDIS_PORT_53_UDP_PROTO": "udp",
        "MY_REDIS_PORT_53_UDP_PORT": "53",
        "MY_REDIS_PORT_53_UDP_ADDR": "10.96.0.7",
    }


def test_the_api_servers_always_and_others_of_the_namespace() -> None:
    services = [
        KUBERNETES,
        service("a", "10.0.0.1", HTTPS, namespace="team"),
        service("b", "10.0.0.2", HTTPS),
    ]
    hosts = {key for key in service_variables(services, POD) if key.endswith("_HOST")}
    assert hosts == {"KUBERNETES_SERVICE_HOST", "A_SERVICE_HOST"}
    without = {**POD, "spec": {"enableServiceLinks": False}}
    variables = service_variables(services, without)
    assert variables["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert not any(key.startswith("A_") for key in variables)


def test_a_namesake_in_the_namespace_is_nearer() -> None:
    services = [service("kubernetes", "10.0.0.9", HTTPS, namespace="team"), KUBERNETES]
    for order in (services, services[::-1]):
        assert service_variables(order, POD)["KUBERNETES_SERVICE_HOST"] == "10.0.0.9"


def test_headless_services_have_none_and_v6_is_bracketed() -> None:
    assert service_variables([service("a", "None", HTTPS), service("b", "", HTTPS)], {}) == {}
    assert service_variables([service("a", "fd00::1", HTTPS)], {})["A_PORT"] == "tcp://[fd00::1]:443"
