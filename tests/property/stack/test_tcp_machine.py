"""Any segment in any state: nothing raises, the state stays legal, the invariants hold."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bronzewillow.stack import (
    Accepted,
    Closed,
    Connection,
    DataReceived,
    LocalError,
    PeerClosed,
    Stack,
    StackConfig,
    State,
    TcpConfig,
)
from bronzewillow.stack.tcp.ecn import EcnMode
from bronzewillow.testing.invariants import Invariants
from bronzewillow.wire.packet import TcpPacket
from bronzewillow.wire.seqnum import add
from bronzewillow.wire.tcp import TcpOptions, TcpSegment

LOCAL, PEER = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
CONFIGS = [
    TcpConfig(send_buffer_bytes=5_000, receive_buffer_bytes=5_000),
    TcpConfig(window_scale=False, timestamps=False, sack=False, keepalive=True, keepalive_idle=5_000_000),
    TcpConfig(receive_buffer_bytes=300_001, congestion_control="reno", linger_bytes=3_000),
    TcpConfig(rack=False, ecn=EcnMode.ON),
]
NEAR = st.one_of(
    st.sampled_from([0, 0, 0, 1, -1, 2, 999, 1000, 1001, -1000, 65_535, 2**31, 2**31 - 1]),
    st.integers(-70_000, 70_000),
)
FLAGS = st.one_of(
    st.sampled_from([0x10, 0x10, 0x10, 0x18, 0x11, 0x02, 0x12, 0x04, 0x14, 0]), st.integers(0, 255)
)
TIMES = st.sampled_from([0, 1, 1_000, 40_000, 250_000, 1_000_000, 70_000_000])


class TcpMachine(RuleBasedStateMachine):
    """One stack, one four-tuple, a peer without manners and a user with few."""

    @initialize(config=st.sampled_from(CONFIGS), active=st.booleans(), options=st.booleans())
    def start(self, config: TcpConfig, active: bool, options: bool) -> None:
        self.now = 0
        self.stack = Stack(StackConfig(LOCAL, tcp=config), random.Random(1))
        self.watch = Invariants(self.stack)
        self.connection: Connection | None = None
        self.closed: set[Connection] = set()
        self.peer_closed: set[Connection] = set()
        self.seen: dict[Connection, State] = {}
        self.peer_port, self.local_port = 40_000, 80
        self.rcv_nxt, self.snd_nxt = 0, 5_000  # what the peer would call so
        self.stack.listen(80)
        if active:
            self.connection = self.stack.connect(PEER, 40_000, self.now)
            self.local_port = self.connection.local[1]
        self.settle()
        offered = TcpOptions(1000, 3, True, (1, 0)) if options else TcpOptions(1000)
        flags, ack = (0x12, self.rcv_nxt) if active else (0x02, 0)
        self.deliver(self.snd_nxt, ack, flags, 5_000, offered, b"")
        self.snd_nxt += 1

    def deliver(self, seq: int, ack: int, flags: int, wnd: int, options: TcpOptions, data: bytes) -> None:
        seg = TcpSegment(self.peer_port, self.local_port, add(seq, 0), add(ack, 0), flags, wnd, options, data)
        self.stack.receive([TcpPacket(PEER, LOCAL, seg)], self.now)
        self.settle()

    @rule(
        seq=NEAR,
        ack=NEAR,
        flags=FLAGS,
        wnd=st.sampled_from([0, 1, 500, 5_000, 65_535]),
        size=st.sampled_from([0, 0, 1, 100, 1_000, 6_000, 65_000]),
        edges=st.lists(NEAR, max_size=8),
        stamp=st.one_of(st.none(), NEAR),
    )
    def any_segment(
        self, seq: int, ack: int, flags: int, wnd: int, size: int, edges: list[int], stamp: int | None
    ) -> None:
        at = [add(self.rcv_nxt, edge) for edge in edges]
        options = TcpOptions(
            sack=tuple(zip(at[::2], at[1::2], strict=False)),
            timestamps=None if stamp is None else (add(self.now // 1_000, stamp), add(0, stamp)),
        )
        self.deliver(self.snd_nxt + seq, self.rcv_nxt + ack, flags, wnd, options, b"x" * size)

    @rule(size=st.sampled_from([0, 1, 1_000, 4_000]), fin=st.booleans(), skip=st.sampled_from([0, 0, 1_000]))
    def good_segment(self, size: int, fin: bool, skip: int) -> None:
        self.deliver(self.snd_nxt + skip, self.rcv_nxt, 0x10 | fin, 30_000, TcpOptions(), b"y" * size)

    @rule(duration=TIMES)
    def time_passes(self, duration: int) -> None:
        end = self.now + duration
        for _ in range(10_000):
            due = self.stack.next_timeout()
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            self.stack.handle_timeout(self.now)
            self.settle()
        else:
            raise AssertionError("timers never come to rest")
        self.now = end

    @rule(
        call=st.sampled_from(["send", "send", "consume", "consume", "shutdown", "close", "abort"]),
        size=st.sampled_from([1, 1_000, 20_000]),
    )
    def user_calls(self, call: str, size: int) -> None:
        c = self.connection
        if c is None:
            return
        if call == "send":
            try:
                assert 0 <= c.send(b"z" * size, self.now) <= size
            except LocalError:
                assert c.fin_wanted or c.state not in (
                    State.SYN_SENT,
                    State.SYN_RECEIVED,
                    State.ESTABLISHED,
                    State.CLOSE_WAIT,
                )
        elif call == "consume":
            c.consume(min(size, c.unread_bytes), self.now)
        else:
            getattr(c, call)(self.now)
        self.settle()

    def settle(self) -> None:
        for event in self.stack.events():
            c = event.connection
            assert c not in self.closed, f"{event} after Closed"
            if isinstance(event, Accepted):
                self.connection = c
            elif isinstance(event, Closed):
                self.closed.add(c)
            elif isinstance(event, PeerClosed):
                self.peer_closed.add(c)
            elif isinstance(event, DataReceived):
                assert event.data and c not in self.peer_closed
        for packet in self.stack.output(self.now):
            assert isinstance(packet, TcpPacket)
            assert len(packet.segment.payload) <= 61_440
            seg = packet.segment
            self.rcv_nxt = add(seg.seq, seg.len)
            if seg.flags & 0x10 and not seg.flags & 0x04:
                self.snd_nxt = seg.ack

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "watch"):
            self.watch.check()
            if self.connection is not None and self.connection.state is State.CLOSED:
                assert self.connection in self.closed, "CLOSED without Closed"


TcpMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTcp = TcpMachine.TestCase
