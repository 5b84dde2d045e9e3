"""One endpoint for one connection."""

from __future__ import annotations

import random

from bronzewillow.services.balancer import Balancer
from bronzewillow.services.endpoints import Endpoint
from bronzewillow.services.table import ServicePort

CLIENT = bytes((10, 244, 7, 9))
S = 1_000_000


def endpoint(last: int, **changes: object) -> Endpoint:
    return Endpoint(bytes((10, 244, 1, last)), 8080, **changes)  # type: ignore[arg-type]


def port(*endpoints: Endpoint, affinity_s: int = 0, is_local: bool = False) -> ServicePort:
    return ServicePort("default", "llm", "http", 80, "TCP", affinity_s, is_local, endpoints)


def chosen(service: ServicePort, node: str = "mac-1", zone: str = "") -> set[int]:
    balancer = Balancer(random.Random(1), node, zone)
    found = (balancer.choose(service, CLIENT, 0) for _ in range(200))
    return {one.address[3] for one in found if one is not None}


def test_every_ready_endpoint_has_its_share() -> None:
    assert chosen(port(endpoint(1), endpoint(2), endpoint(3, is_ready=False, is_serving=False))) == {1, 2}


def test_where_nobody_is_ready_those_that_end_still_serve() -> None:
    ending = endpoint(1, is_ready=False, is_terminating=True)
    gone = endpoint(2, is_ready=False, is_serving=False, is_terminating=True)
    starting = endpoint(3, is_ready=False)
    assert chosen(port(ending, gone, starting)) == {1}
    assert chosen(port(starting, gone)) == set()


def test_hints_count_when_all_have_them_and_one_is_for_us() -> None:
    near, far = endpoint(1, zones=frozenset({"a"})), endpoint(2, zones=frozenset({"b"}))
    assert chosen(port(near, far), zone="a") == {1}
    assert chosen(port(near, far), zone="c") == {1, 2}
    assert chosen(port(near, endpoint(3)), zone="a") == {1, 3}
    assert chosen(port(near, far)) == {1, 2}


def test_hints_for_nodes_come_before_those_for_zones() -> None:
    here = endpoint(1, zones=frozenset("a"), nodes=frozenset({"mac-1"}))
    near = endpoint(2, zones=frozenset("a"), nodes=frozenset({"worker-1"}))
    assert chosen(port(here, near), zone="a") == {1}
    assert chosen(port(here, near), "mac-2", zone="a") == {1, 2}


def test_a_local_policy_stays_on_the_node() -> None:
    assert chosen(port(endpoint(1, node="mac-1"), endpoint(2, node="worker-1"), is_local=True)) == {1}
    assert chosen(port(endpoint(2, node="worker-1"), is_local=True)) == set()


def test_a_client_keeps_its_endpoint_while_that_can_be_used() -> None:
    balancer = Balancer(random.Random(3), "mac-1")
    service = port(*(endpoint(n) for n in range(1, 9)), affinity_s=60)
    first = balancer.choose(service, CLIENT, 0)
    assert all(balancer.choose(service, CLIENT, at * S) == first for at in range(0, 600, 30))
    others = {balancer.choose(service, bytes((10, 244, 7, n)), 0) for n in range(40)}
    assert len(others) > 1
    assert first is not None
    without = port(*(one for one in service.endpoints if one != first), affinity_s=60)
    assert balancer.choose(without, CLIENT, 600 * S) != first


def test_affinity_ends() -> None:
    seen = set()
    for seed in range(20):
        balancer = Balancer(random.Random(seed), "mac-1")
        service = port(*(endpoint(n) for n in range(1, 9)), affinity_s=60)
        first = balancer.choose(service, CLIENT, 0)
        seen.add(balancer.choose(service, CLIENT, 61 * S) == first)
    assert False in seen


def test_clients_cannot_make_it_grow() -> None:
    balancer = Balancer(random.Random(1), "mac-1")
    service = port(endpoint(1), affinity_s=60)
    for number in range(5000):
        balancer.choose(service, number.to_bytes(4, "big"), 0)
    assert len(balancer._kept) == 4096
