from __future__ import annotations

from bronzewillow.kube.resources import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS, SERVICES
from bronzewillow.testing.apiserver import seed
from bronzewillow.testing.apiserver.server import ApiServer


def test_what_there_is_at_the_start(server: ApiServer) -> None:
    names = {obj["metadata"]["name"] for obj in server.store.list(NAMESPACES)}
    assert names == {*seed.NAMESPACE_NAMES}
    service = server.store.get(SERVICES, "default", "kubernetes")
    assert service is not None
    assert service["spec"]["clusterIP"] == "10.96.0.1"
    assert server.store.get(SERVICE_ACCOUNTS, "kube-system", "default") is not None
    client_ca = server.store.get(CONFIG_MAPS, "kube-system", "extension-apiserver-authentication")
    assert client_ca is not None
    assert client_ca["data"]["client-ca-file"] == server.authority.ca_pem.decode()


def test_all_that_joining_needs_can_be_made(server: ApiServer) -> None:
    for resource, obj in seed.for_joining("abcdef.0123456789abcdef"):
        server.make(resource, obj)
    user = server.tokens.user("abcdef.0123456789abcdef")
    assert user is not None
