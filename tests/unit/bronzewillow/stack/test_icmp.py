from __future__ import annotations

from bronzewillow.stack.icmp import RateLimit, echo_reply, too_big, unreachable
from bronzewillow.wire import icmp
from bronzewillow.wire.ipv4 import Ipv4Packet

A, B = bytes((10, 0, 0, 2)), bytes((10, 0, 0, 1))


def test_an_echo_reply_has_the_same_data_and_tos() -> None:
    request = Ipv4Packet(A, B, icmp.PROTOCOL, b"", tos=0x28)
    reply = echo_reply(request, icmp.EchoRequest(7, 8, b"data"))
    assert (reply.source, reply.destination, reply.tos) == (B, A, 0x28)
    assert icmp.parse_icmp(reply.payload) == icmp.EchoReply(7, 8, b"data")


def test_an_error_quotes_the_packet() -> None:
    packet = Ipv4Packet(A, B, 99, b"0123456789")
    error = unreachable(packet, icmp.PROTOCOL_UNREACHABLE)
    assert error is not None and error.destination == A
    message = icmp.parse_icmp(error.payload)
    assert message == icmp.DestinationUnreachable(icmp.PROTOCOL_UNREACHABLE, icmp.quote(packet))


def test_errors_are_never_about_these() -> None:  # RFC 1122 3.2.2
    for packet in (
        Ipv4Packet(A, B, 99, b"x" * 8, fragment_offset_bytes=8),
        Ipv4Packet(bytes((224, 0, 0, 1)), B, 99, b""),
        Ipv4Packet(bytes((255, 255, 255, 255)), B, 99, b""),
        Ipv4Packet(bytes(4), B, 99, b""),
        Ipv4Packet(A, B, icmp.PROTOCOL, icmp.emit_icmp(icmp.TimeExceeded(0, bytes(28)))),
        Ipv4Packet(A, B, icmp.PROTOCOL, b""),
    ):
        assert unreachable(packet, 3) is None


def test_the_rate_limit_is_per_second() -> None:
    limit = RateLimit(2)
    assert [limit.allows(t) for t in (0, 1, 2, 999_999, 1_000_000, 1_000_001, 1_000_002)] == [
        True,
        True,
        False,
        False,
        True,
        True,
        False,
    ]


def test_what_does_not_fit_the_link_and_may_not_be_cut_is_too_big() -> None:
    fits, large = (Ipv4Packet(A, B, 99, bytes(size)) for size in (1430, 1431))
    router = bytes((10, 0, 0, 9))
    assert too_big(fits, 1450, router) is None
    assert too_big(Ipv4Packet(A, B, 99, bytes(5000), dont_fragment=False), 1450, router) is None
    error = too_big(large, 1450, router)
    assert error is not None and (error.source, error.destination) == (router, A)
    expected = icmp.DestinationUnreachable(icmp.FRAGMENTATION_NEEDED, icmp.quote(large), 1450)
    assert icmp.parse_icmp(error.payload) == expected
    about_an_error = Ipv4Packet(A, B, icmp.PROTOCOL, icmp.emit_icmp(icmp.TimeExceeded(0)) + bytes(1500))
    assert too_big(about_an_error, 1450, router) is None
