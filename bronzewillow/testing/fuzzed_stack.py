"""A whole Stack, driven by bytes: whatever they are, it may not raise, and its invariants hold.

The bytes are a program for a peer without manners, the network and a user with few: each instruction is a
byte, and numbers follow it. Numbers of segments count from where the connection stands, so that a mutation
of a few bytes still hits a window.
"""

from __future__ import annotations

import random

from bronzewillow.stack import Accepted, Connection, LocalError, Stack, StackConfig, TcpConfig
from bronzewillow.stack.tcp.state import SENDING
from bronzewillow.testing.invariants import Invariants
from bronzewillow.wire.errors import WireError
from bronzewillow.wire.ip import IpPacket, parse_ip
from bronzewillow.wire.ipv4 import Ipv4Packet
from bronzewillow.wire.ipv6 import Ipv6Packet
from bronzewillow.wire.packet import TcpPacket
from bronzewillow.wire.seqnum import add
from bronzewillow.wire.tcp import TcpSegment, parse_options

_V4 = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
_V6 = b"\xfd" + bytes(14) + b"\1", b"\xfd" + bytes(14) + b"\2"
_CONFIGS = (
    TcpConfig(),
    TcpConfig(send_buffer_bytes=5_000, receive_buffer_bytes=5_000, max_half_open=0),
    TcpConfig(window_scale=False, timestamps=False, sack=False, keepalive=True),
    TcpConfig(congestion_control="reno", nagle=True, linger_bytes=3_000, max_half_open=1, syn_cookies=False),
)
_TIMES = (0, 1, 1_000, 40_000, 250_000, 1_000_000, 70_000_000, 10_000_000_000)
_SIZES = (0, 1, 100, 1_000, 1_410, 6_000, 65_000)
_MOST_STEPS = 400


class _Program:
    """The bytes that are left."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def near(self) -> int:
        """Mostly close to zero, at times anywhere in 32 bits."""
        kind = self.byte()
        if kind < 0x80:
            return 0 if kind < 0x40 else (kind - 0x60)
        value = self.byte() << 8 | self.byte()
        return (value - 0x8000) if kind < 0xE0 else value << 16

    def take(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]


class _Rig:
    """The stack, and what a peer can know of it."""

    def __init__(self, program: _Program) -> None:
        choice = program.byte()
        self.local, self.peer = _V6 if choice & 0x80 else _V4
        memory = 3_000 if choice & 4 else 1 << 20
        config = StackConfig(self.local, tcp=_CONFIGS[choice & 3], max_buffered_bytes=memory)
        self.program = program
        self.now = 0
        self.stack = Stack(config, random.Random(1))
        self.watch = Invariants(self.stack)
        self.listener = self.stack.listen(80)
        self.connection: Connection | None = None
        self.local_port, self.peer_port = 80, 40_000
        self.rcv_nxt, self.snd_nxt = 0, 5_000  # the peer's
        self.stamp = 0
        if choice & 0x40:
            self.connection = self.stack.connect(self.peer, 40_000, 0)
            self.local_port = self.connection.local[1]
        self.settle()

    def settle(self) -> None:
        for event in self.stack.events():
            if isinstance(event, Accepted):
                self.connection = event.connection
        for packet in self.stack.output(self.now):
            if isinstance(packet, TcpPacket):
                seg = packet.segment
                self.rcv_nxt = add(seg.seq, seg.len)
                if seg.flags & 0x14 == 0x10:
                    self.snd_nxt = seg.ack
                if seg.options.timestamps:
                    self.stamp = seg.options.timestamps[0]
        self.watch.check()

    def segment(self) -> None:
        """Any flags, any options, numbers near what fits."""
        program = self.program
        flags, wnd = program.byte(), program.byte() << 8
        seq, ack = add(self.snd_nxt, program.near()), add(self.rcv_nxt, program.near())
        payload = bytes(_SIZES[program.byte() % len(_SIZES)])
        options = parse_options(program.take(program.byte() % 41))
        ports = self.peer_port, self.local_port
        seg = TcpSegment(*ports, seq, ack, flags, wnd, options, payload)
        self.stack.receive([TcpPacket(self.peer, self.local, seg)], self.now)

    def polite_segment(self) -> None:
        """What the stack waits for: SYN, SYN-ACK, ACK, data or FIN, so that a program gets far."""
        choice = self.program.byte()
        flags = (0x02, 0x12, 0x10, 0x18, 0x11, 0x10, 0x10, 0x04)[choice & 7]
        offered = bytes.fromhex("020405820402080a0000000100000000010303" + "07") if flags & 2 else b""
        if not flags & 2 and choice & 8:
            offered = b"\1\1\x08\x0a" + bytes((0, 0, 0, 2)) + self.stamp.to_bytes(4, "big")
        payload = b"x" * _SIZES[choice >> 4 & 3] if flags & 8 else b""
        ports = self.peer_port, self.local_port
        options = parse_options(offered)
        seg = TcpSegment(*ports, self.snd_nxt, self.rcv_nxt, flags, 30_000, options, payload)
        self.stack.receive([TcpPacket(self.peer, self.local, seg)], self.now)
        self.snd_nxt = add(self.snd_nxt, seg.len)

    def ip(self) -> None:
        """ICMP, UDP, fragments, TCP with any header: a payload of any protocol."""
        program = self.program
        protocol, identification, fragment = program.byte(), program.byte() & 3, program.byte()
        payload = program.take(program.byte())
        offset, more = (fragment >> 1 & 0x1F) * 8, bool(fragment & 1)
        packet: IpPacket
        if len(self.local) == 4:
            packet = Ipv4Packet(
                self.peer, self.local, protocol, payload,
                identification=identification, more_fragments=more, fragment_offset_bytes=offset,
            )  # fmt: skip
        else:
            packet = Ipv6Packet(
                self.peer, self.local, protocol, payload,
                identification=identification, more_fragments=more, fragment_offset_bytes=offset,
            )  # fmt: skip
        self.stack.receive([packet], self.now)

    def raw(self) -> None:
        """Bytes as an IP packet, wherever they are from."""
        try:
            packet = parse_ip(self.program.take(self.program.byte()))
        except WireError:
            return
        if packet.protocol != 6 or packet.is_fragment:  # the kernel hands over TCP as TcpPacket only
            self.stack.receive([packet], self.now)

    def time(self) -> None:
        end = self.now + _TIMES[self.program.byte() % len(_TIMES)]
        for _ in range(200):
            due = self.stack.next_timeout()
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            self.stack.handle_timeout(self.now)
            self.settle()
        self.now = max(end, self.now)
        self.stack.handle_timeout(self.now)

    def user(self) -> None:
        c, choice = self.connection, self.program.byte()
        if c is None:
            return
        size = _SIZES[choice >> 3 & 3]
        if choice & 7 < 3:
            try:
                c.send(b"z" * size * 20, self.now)
            except LocalError:
                assert c.fin_wanted or c.state not in SENDING
        elif choice & 7 < 5:
            c.consume(min(size, c.unread_bytes), self.now)
        else:
            (c.shutdown, c.close, c.abort)[choice % 3](self.now)


def any_stack(data: bytes) -> None:
    """Run `data`. AssertionError, or whatever the stack should not have raised."""
    program = _Program(data)
    rig = _Rig(program)
    steps = (
        rig.segment,
        rig.polite_segment,
        rig.polite_segment,
        rig.time,
        rig.user,
        rig.ip,
        rig.raw,
        rig.user,
    )
    for _ in range(_MOST_STEPS):
        if not program:
            return
        steps[program.byte() & 7]()
        rig.settle()
