"""The socket of the overlay on loopback: each rung alone, both mixed, and what the kernel refuses."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from bronzewillow.agent.datagram import DatagramSocket, Rung
from bronzewillow.agent.outer_path import Address
from bronzewillow.testing.aio import run
from bronzewillow.testing.loopback import until, until_still

pytestmark = pytest.mark.loopback

RUNGS = list(Rung) if sys.platform == "linux" else [Rung.PLAIN]
sender = pytest.mark.parametrize("sends", RUNGS)
receiver = pytest.mark.parametrize("reads", RUNGS)


@dataclass
class Inbox:
    """What a socket was given, cut into datagrams."""

    datagrams: list[bytes] = field(default_factory=list)
    trains: int = 0
    sources: set[tuple[bytes, int]] = field(default_factory=set)
    drained: int = 0

    def on_train(self, train: bytes, piece_bytes: int, source: tuple[bytes, int]) -> None:
        step = piece_bytes or max(len(train), 1)
        self.datagrams += [train[at : at + step] for at in range(0, len(train), step)] or [b""]
        self.trains += 1
        self.sources.add(source)

    def on_drained(self) -> None:
        self.drained += 1


@asynccontextmanager
async def endpoint(rung: Rung | None = None) -> AsyncIterator[tuple[DatagramSocket, Inbox]]:
    inbox = Inbox()
    opened = DatagramSocket(("127.0.0.1", 0), inbox.on_train, inbox.on_drained, rung)
    try:
        yield opened, inbox
    finally:
        opened.close()


def pieces(count: int, piece_bytes: int, last: int) -> list[bytes]:
    sizes = [piece_bytes] * (count - 1) + [last]
    return [bytes([number % 251]) * size for number, size in enumerate(sizes)]


@sender
@receiver
@pytest.mark.parametrize(
    ("count", "piece_bytes", "last"),
    [
        pytest.param(1, 10, 10, id="one"),
        pytest.param(3, 1400, 9, id="a short last one"),
        pytest.param(64, 100, 100, id="as many as one call takes"),
        pytest.param(130, 100, 1, id="more than one call takes"),
        pytest.param(60, 1500, 1500, id="more bytes than one call takes"),
        pytest.param(2, 40_000, 40_000, id="pieces that go alone"),
    ],
)
@pytest.mark.case("report-15")
def test_a_train_arrives_as_its_datagrams(
    sends: Rung, reads: Rung, count: int, piece_bytes: int, last: int
) -> None:
    async def main() -> None:
        async with endpoint(sends) as (near, _), endpoint(reads) as (far, inbox):
            sent = pieces(count, piece_bytes, last)
            near.send(b"".join(sent), piece_bytes, far.address)
            await until(lambda: len(inbox.datagrams) == count)
            assert inbox.datagrams == sent
            assert inbox.sources == {(b"\x7f\0\0\1", near.address[1])}
            assert inbox.drained
            assert not near.errors
            assert not far.errors
            assert near.sends == (count if not sends.sends_trains else -(-count // step_of(piece_bytes)))

    def step_of(size: int) -> int:
        return max(min(64, 65_507 // size), 1)

    run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="UDP_SEGMENT and UDP_GRO are Linux's")
@pytest.mark.case("report-30")
def test_a_train_is_read_in_one_call() -> None:
    async def main() -> tuple[int, int]:
        async with endpoint(Rung.GSO) as (near, _), endpoint(Rung.GSO) as (far, inbox):
            near.send(bytes(32 * 1000), 1000, far.address)
            await until(lambda: len(inbox.datagrams) == 32)
            return inbox.trains, near.sends

    assert run(main()) == (1, 1)


def test_an_empty_datagram() -> None:
    async def main() -> list[bytes]:
        async with endpoint() as (far, inbox):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near:
                near.sendto(b"", far.address)
            await until(lambda: bool(inbox.datagrams))
            return inbox.datagrams

    assert run(main()) == [b""]


class Refusing(DatagramSocket):
    """A socket whose kernel says no to trains, or to everything."""

    refuses = 0
    single_too = False

    def _transmit(self, part: memoryview, piece_bytes: int, to: Address) -> None:
        if self.refuses and (self.single_too or len(part) > piece_bytes):
            raise OSError(self.refuses, "refused")
        super()._transmit(part, piece_bytes, to)


@asynccontextmanager
async def refusing(number: int, *, single_too: bool = False) -> AsyncIterator[Refusing]:
    inbox = Inbox()
    opened = Refusing(("127.0.0.1", 0), inbox.on_train, inbox.on_drained)
    opened.refuses, opened.single_too = number, single_too
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only this kernel cuts trains")
@pytest.mark.parametrize("number", [errno.EIO, errno.EINVAL, errno.EOPNOTSUPP])
@pytest.mark.case("report-15")
def test_a_kernel_that_cannot_cut_makes_it_step_down_without_loss(number: int) -> None:
    async def main() -> None:
        async with refusing(number) as near, endpoint() as (far, inbox):
            sent = pieces(70, 500, 20)
            near.send(b"".join(sent), 500, far.address)
            await until(lambda: len(inbox.datagrams) == 70)
            assert inbox.datagrams == sent
            assert near.rung is Rung.PLAIN
            assert near.errors == {errno.errorcode[number].lower(): 1}
            # what it reads is still cut right: the kernel was not told otherwise
            seen: list[tuple[int, int]] = []
            near._on_train = lambda train, piece_bytes, source: seen.append((len(train), piece_bytes))
            far.send(bytes(5000), 500, near.address)
            await until(lambda: sum(size for size, _ in seen) == 5000)
            assert all(piece == 500 for size, piece in seen if size > 500)

    run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="only this kernel cuts trains")
def test_trains_that_wait_are_cut_too_when_it_steps_down() -> None:
    async def main() -> None:
        async with refusing(errno.EAGAIN) as near, endpoint() as (far, inbox):
            sent = pieces(130, 500, 20)
            near.send(b"".join(sent), 500, far.address)
            assert not inbox.datagrams
            near.refuses = errno.EIO
            await until(lambda: len(inbox.datagrams) == 130)
            assert inbox.datagrams == sent
            assert near.rung is Rung.PLAIN
            assert not near._pending_bytes

    run(main())


@pytest.mark.parametrize("number", [errno.EPERM, errno.EHOSTUNREACH, errno.EMSGSIZE])
@pytest.mark.case("report-28")
def test_other_refusals_are_loss_and_counted(number: int) -> None:
    async def main() -> None:
        async with refusing(number, single_too=True) as near, endpoint() as (far, inbox):
            rung = near.rung
            near.send(bytes(100), 100, far.address)
            near.refuses = 0
            near.send(b"after", 5, far.address)
            await until(lambda: bool(inbox.datagrams))
            assert inbox.datagrams == [b"after"]
            assert near.errors == {errno.errorcode[number].lower(): 1}
            assert near.rung is rung

    run(main())


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOBUFS])
@pytest.mark.case("report-31")
def test_a_full_buffer_delays_in_order_and_has_a_bound(number: int) -> None:
    async def main() -> None:
        async with refusing(number, single_too=True) as near, endpoint() as (far, inbox):
            sent = pieces(20, 300, 300)
            for datagram in sent[:10]:
                near.send(datagram, 300, far.address)
            near.refuses = 0
            for datagram in sent[10:]:
                near.send(datagram, 300, far.address)  # behind those that wait
            assert not inbox.datagrams
            await until(lambda: len(inbox.datagrams) == 20)
            assert inbox.datagrams == sent
            assert not near._pending_bytes

            near.refuses = number
            chunk = bytes(60_000)
            for _ in range(400):
                near.send(chunk, len(chunk), far.address)
            assert near.errors["send_queue_full"] > 100
            assert near._pending_bytes <= 16 << 20

    run(main())


def test_a_full_interface_is_tried_again_after_pauses_that_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with refusing(errno.ENOBUFS, single_too=True) as near, endpoint() as (far, inbox):
            pauses: list[float] = []
            loop = asyncio.get_running_loop()
            call_later = loop.call_later

            def counting(delay: float, *args: Any) -> asyncio.TimerHandle:
                pauses.append(delay)
                if len(pauses) == 9:
                    near.refuses = 0
                return call_later(0, *args)

            monkeypatch.setattr(loop, "call_later", counting)
            near.send(b"".join(pieces(3, 300, 300)), 300, far.address)
            near.send(b"last", 4, far.address)
            await until(lambda: len(inbox.datagrams) == 4)
            assert inbox.datagrams[-1] == b"last"
            assert pauses == [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.064, 0.064]
            assert set(near.errors) == {"enobufs"}
            near.send(b"more", 4, far.address)
            await until(lambda: len(inbox.datagrams) == 5)

    run(main())


@sender
def test_what_does_not_fit_its_path_is_told(sends: Rung) -> None:
    async def main() -> None:
        told: list[tuple[Address, int]] = []
        near = Refusing(("127.0.0.1", 0), Inbox().on_train, lambda: None, sends, lambda *it: told.append(it))
        try:
            async with endpoint() as (far, _):
                near.refuses, near.single_too = errno.EMSGSIZE, True
                near.send(bytes(4000), 1400, far.address)
                near.send(bytes(900), 1400, far.address)
                sizes = [1400] if sends.sends_trains else [1400, 1400, 1200]
                assert told == [(far.address, size) for size in (*sizes, 900)]
        finally:
            near.close()

    run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="only this kernel tells of ICMP")
def test_an_unreachable_peer_costs_the_others_nothing_and_is_counted() -> None:
    async def main() -> None:
        async with endpoint() as (near, _), endpoint() as (far, inbox), endpoint() as (closed, _):
            gone = closed.address
            closed.close()
            for number in range(50):
                near.send(b"anybody?", 8, gone)
                near.send(bytes([number]), 1, far.address)
                await asyncio.sleep(0)
            await until(lambda: len(inbox.datagrams) == 50)
            await until(lambda: near.errors["icmp_econnrefused"] > 0)
            assert set(near.errors) == {"icmp_econnrefused"}
            far.send(b"answer", 6, near.address)
            await until(lambda: near.reads == 1)

    run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels fragment by themselves")
def test_what_must_be_fragmented_is_sent_in_pieces_by_the_kernel() -> None:
    async def main() -> None:
        async with endpoint() as (near, _), endpoint() as (far, inbox):
            near.send_in_fragments(bytes(3000), 1400, far.address)
            await until(lambda: len(inbox.datagrams) == 3)
            assert [len(one) for one in inbox.datagrams] == [1400, 1400, 200]

    run(main())


def test_a_port_in_use() -> None:
    async def main() -> None:
        async with endpoint() as (taken, inbox):
            with pytest.raises(OSError, match="in use"):
                DatagramSocket(taken.address, inbox.on_train, inbox.on_drained)

    run(main())


def test_nobody_there_is_no_error_of_ours() -> None:
    async def main() -> None:
        async with endpoint() as (near, _), endpoint() as (far, _):
            gone = far.address
            far.close()
            far.close()
            for _ in range(3):
                near.send(b"anybody?", 8, gone)
                await until_still(lambda: near.reads, turns=5)
            assert near.sends == 3

    run(main())


def test_strangers_do_not_grow_the_table_of_sources() -> None:
    async def main() -> int:
        async with endpoint() as (near, _):
            for number in range(5000):
                near._packed(f"10.{number >> 8}.{number & 255}.1")
            return len(near._sources)

    assert run(main()) <= 1024


@pytest.mark.case("report-32")
def test_the_loop_gets_its_turn_under_a_flood() -> None:
    async def main() -> list[int]:
        async with endpoint(Rung.PLAIN) as (near, _), endpoint(Rung.PLAIN) as (far, inbox):
            for _ in range(200):
                near.send(b"x", 1, far.address)
            seen = [len(inbox.datagrams)]
            while seen[-1] < 200:
                await asyncio.sleep(0)
                seen.append(len(inbox.datagrams))
            return [later - earlier for earlier, later in pairwise(seen)]

    assert max(run(main())) <= 64


@pytest.mark.ipv6
@pytest.mark.skipif(sys.platform != "linux", reason="other kernels insist on checksums over IPv6")
def test_a_tunnel_over_ipv6_may_have_no_checksum() -> None:
    async def main() -> None:
        inbox = Inbox()
        far = DatagramSocket(("::1", 0), inbox.on_train, inbox.on_drained)
        try:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as near:
                near.setsockopt(17, 101, 1)  # UDP_NO_CHECK6_TX: as Open vSwitch sends
                near.sendto(b"unsigned", far.address)
                await until(lambda: inbox.datagrams == [b"unsigned"])
        finally:
            far.close()

    run(main())


@receiver
@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.ipv6)])
def test_marks_of_a_congested_router_are_seen(reads: Rung, host: str) -> None:
    """RFC 3168 5, RFC 6040 4.2: CE, and neither ECT nor a DSCP, makes a train a marked one."""

    async def main() -> None:
        plain, marked = Inbox(), Inbox()
        far = DatagramSocket((host, 0), plain.on_train, lambda: None, reads, on_marked=marked.on_train)
        v6 = ":" in host
        option = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if v6 else (socket.IPPROTO_IP, socket.IP_TOS)
        near = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            for tos in (0, 0b10, 0b11, 0xB8, 0xB8 | 0b11):
                near.setsockopt(*option, tos)
                near.sendto(bytes([tos]), far.address)
            await until(lambda: plain.trains + marked.trains == 5)
            assert plain.datagrams == [b"\0", b"\2", b"\xb8"]
            assert marked.datagrams == [b"\3", b"\xbb"]
        finally:
            near.close()
            far.close()

    run(main())


@pytest.mark.ipv6
@sender
@receiver
def test_a_train_over_ipv6(sends: Rung, reads: Rung) -> None:
    async def main() -> None:
        inbox = Inbox()
        near = DatagramSocket(("::1", 0), Inbox().on_train, lambda: None, sends)
        far = DatagramSocket(("::1", 0), inbox.on_train, inbox.on_drained, reads)
        try:
            sent = pieces(130, 1400, 9)
            near.send(b"".join(sent), 1400, far.address)
            await until(lambda: len(inbox.datagrams) == 130)
            assert inbox.datagrams == sent
            assert inbox.sources == {(bytes(15) + b"\1", near.address[1])}
            assert not near.errors and not far.errors
        finally:
            near.close()
            far.close()

    run(main())
