"""What is read of an EndpointSlice."""

from __future__ import annotations

from bronzewillow.services.endpoints import Endpoint, endpoints_of, service_of, slice_name

SLICE = {
    "metadata": {"namespace": "d", "name": "llm-1", "labels": {"kubernetes.io/service-name": "llm"}},
    "ports": [{"name": "http", "port": 8080}],
    "endpoints": [{"addresses": ["10.1.1.2"], "conditions": {"ready": False}, "nodeName": "w"}],
}


def test_a_slice_belongs_to_a_service_and_has_endpoints() -> None:
    assert service_of(SLICE) == ("d", "llm")
    assert slice_name(SLICE) == "llm-1"
    address = bytes((10, 1, 1, 2))
    assert endpoints_of(SLICE) == {
        ("http", "TCP", address, 8080): Endpoint(address, 8080, is_ready=False, is_serving=False, node="w")
    }


def test_what_is_malformed_is_passed_over() -> None:
    for bad in ({}, {"metadata": 1}, {"endpoints": [1, {"addresses": ["x", 7]}], "ports": [{"port": "a"}]}):
        assert service_of(bad) is None
        assert endpoints_of(bad) == {}
    assert slice_name({}, "3") == "3"
