"""Which sources are learned, for how long, and how many."""

from __future__ import annotations

import socket

import pytest

from bronzewillow.overlay.replies import EXPIRES, MOST, MOST_PER_NODE, MOVES_AFTER, Replies


def ip(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


W1, W2, W1_V6 = ip("192.0.2.1"), ip("192.0.2.2"), ip("2001:db8:1:2::1")


@pytest.mark.parametrize(
    ("source", "outer", "is_taken"),
    [
        ("10.1.2.3", W1, True),
        ("172.16.0.1", W1, True),
        ("172.32.0.1", W1, False),
        ("192.168.77.1", W1, True),
        ("100.127.0.1", W1, True),
        ("fd12::1", W1, True),
        ("2001:db8:1:2::77", W1_V6, True),
        ("2001:db8:1:3::77", W1_V6, False),
        ("2001:db8:1:2::77", W1, False),
        ("203.0.113.5", W1, False),
        ("8.8.8.8", W1, False),
        ("127.0.0.1", W1, False),
        ("169.254.1.1", W1, False),
        ("224.0.0.1", W1, False),
        ("0.0.0.0", W1, False),
        ("fe80::1", W1_V6, False),
        ("ff02::1", W1_V6, False),
        ("::", W1_V6, False),
        ("::1", W1_V6, False),
    ],
)
def test_what_a_host_may_speak_from(source: str, outer: bytes, is_taken: bool) -> None:
    replies = Replies()
    assert replies.learn(ip(source), outer, 0) == is_taken
    assert replies.lookup(ip(source), 1) == (outer if is_taken else None)


def test_silence_is_forgotten() -> None:
    replies = Replies()
    host = ip("10.1.2.3")
    replies.learn(host, W1, 0)
    replies.learn(host, W1, 100)
    assert replies.lookup(host, 100 + EXPIRES) == W1
    assert replies.lookup(host, 101 + EXPIRES) is None
    assert len(replies) == 0


def test_a_host_moves_only_after_it_has_been_silent() -> None:
    replies = Replies()
    host = ip("10.1.2.3")
    assert replies.learn(host, W1, 0)
    assert not replies.learn(host, W2, MOVES_AFTER - 1)
    assert replies.learn(host, W1, MOVES_AFTER - 1)
    assert not replies.learn(host, W2, MOVES_AFTER)
    assert replies.learn(host, W2, 2 * MOVES_AFTER)
    assert replies.lookup(host, 2 * MOVES_AFTER) == W2


def test_one_node_takes_no_room_from_others() -> None:
    replies = Replies()
    quiet = ip("10.9.9.9")
    replies.learn(quiet, W2, 0)
    for number in range(2 * MOST_PER_NODE):
        assert replies.learn(bytes((10, 1, number >> 8, number & 255)), W1, number)
    assert len(replies) == MOST_PER_NODE + 1
    assert replies.lookup(quiet, 1) == W2
    assert replies.lookup(bytes((10, 1, 0, 0)), 1) is None


def test_all_nodes_together_have_a_bound() -> None:
    replies = Replies()
    for node in range(40):
        for number in range(MOST_PER_NODE):
            replies.learn(bytes((10, node, 0, number)), bytes((192, 0, 2, node)), number)
    assert len(replies) == MOST
