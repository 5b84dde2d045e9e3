"""One connection: its parts put together, and the user's calls of RFC 9293 3.9.1 (3.10.1 to 3.10.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bronzewillow.stack.errors import LocalError, RemoteError
from bronzewillow.stack.events import Closed, Event, Reset, Writable
from bronzewillow.stack.tcp import output
from bronzewillow.stack.tcp.congestion import make_congestion_control
from bronzewillow.stack.tcp.ecn import Ecn
from bronzewillow.stack.tcp.flight import Flight
from bronzewillow.stack.tcp.memory import GUARANTEED_BYTES
from bronzewillow.stack.tcp.path_probe import PathProbe
from bronzewillow.stack.tcp.rack import Rack
from bronzewillow.stack.tcp.reassembly import Reassembly
from bronzewillow.stack.tcp.receive_window import ReceiveWindow
from bronzewillow.stack.tcp.recovery import Recovery
from bronzewillow.stack.tcp.rtt import RttEstimator
from bronzewillow.stack.tcp.send_buffer import SendBuffer
from bronzewillow.stack.tcp.state import OPENING, SENDING, State, enter
from bronzewillow.stack.tcp.tcb import DEFAULT_SEND_MSS, Tcb
from bronzewillow.stack.tcp.timers import NEVER, Timer, Timers
from bronzewillow.wire.seqnum import add

if TYPE_CHECKING:
    from bronzewillow.stack.config import TcpConfig
    from bronzewillow.stack.tcp.demux import Tcp
    from bronzewillow.stack.tcp.listener import Listener

Endpoint = tuple[bytes, int]
_R1 = 3
"""RFC 9293 3.8.3 SHLD-10: timers in a row without an answer, from which on delivery is in trouble."""


class Connection:
    """A TCP connection of a Stack. Made by the stack; the user calls send, consume, shutdown, close, abort.

    Stream positions (`flight`, `send_buffer`, `rcv_position`, the two FIN positions) count data bytes from 0
    and never wrap; `tcb` holds the 32-bit sequence numbers that go on the wire.
    """

    __slots__ = (
        "ack_now",
        "challenge_acks",
        "challenge_since",
        "closed_reported",
        "config",
        "congestion",
        "discarded_bytes",
        "duplicate",
        "ecn",
        "fin_position",
        "fin_wanted",
        "flight",
        "from_cookie",
        "held_bytes",
        "keepalive",
        "keepalives_sent",
        "last_heard",
        "last_sent",
        "listener",
        "local",
        "orphaned",
        "path_probe",
        "peer_fin_position",
        "queued_at",
        "rcv_position",
        "reassembly",
        "receive_window",
        "recovery",
        "remote",
        "retransmitted_segments",
        "rtt",
        "send_buffer",
        "soft_error",
        "stalled_since",
        "syn_retransmits",
        "tcb",
        "tcp",
        "timers",
        "tos",
        "unacked_bytes",
        "unread_bytes",
        "user_timeout",
        "user_timeout_is_set",
        "writable_wanted",
    )

    def __init__(
        self, tcp: Tcp, local: Endpoint, remote: Endpoint, listener: Listener | None, now: int
    ) -> None:
        config = tcp.config.tcp
        self.tcp = tcp
        self.config: TcpConfig = config
        self.local = local
        self.remote = remote
        self.listener = listener
        self.tcb = Tcb()
        self.rtt = RttEstimator(config.initial_rto, config.min_rto, config.max_rto, config.clock_granularity)
        self.congestion = make_congestion_control(
            config.congestion_control, DEFAULT_SEND_MSS, config.initial_window_segments
        )
        self.flight = Flight()
        rack = Rack(config.clock_granularity) if config.rack else None
        self.recovery = Recovery(self.tcb, self.flight, self.congestion, self.rtt, rack, tcp.counters)
        self.path_probe = PathProbe() if config.path_probing else None
        self.ecn: Ecn | None = None
        """None until both ends have agreed on it."""
        self.send_buffer = SendBuffer(config.initial_send_bytes, config.send_buffer_bytes)
        self.receive_window = ReceiveWindow(config.initial_receive_bytes, config.receive_buffer_bytes, now)
        self.reassembly = Reassembly(config.max_reassembly_ranges)
        self.timers = Timers()
        self.queued_at = NEVER  # owned by the stack's TimerQueue
        self.tos = 0

        self.fin_wanted = False  # the user has shut down; the FIN follows the buffered data
        self.fin_position: int | None = None  # where our FIN stands, once it is sent
        self.peer_fin_position: int | None = None  # where the peer's FIN stands, once it is seen
        self.rcv_position = 0  # data bytes received in order
        self.unread_bytes = 0  # delivered, not consumed
        self.held_bytes = 0  # as `tcp.memory` knows it
        self.unacked_bytes = 0  # received since our last ACK
        self.ack_now = False
        self.duplicate: tuple[int, int] | None = None
        """Sequence numbers that have arrived twice, of which the next ACK tells (RFC 2883)."""
        self.writable_wanted = False
        self.orphaned = False  # close() was called: nobody reads, nobody listens to events
        self.discarded_bytes = 0
        self.closed_reported = False

        self.from_cookie = False  # a SYN cookie came back: nobody knows when its SYN-ACK left
        self.syn_retransmits = 0
        self.retransmitted_segments = 0
        self.keepalive = config.keepalive
        self.keepalives_sent = 0
        self.user_timeout = config.user_timeout
        self.user_timeout_is_set = False  # by the user: then no peer changes it (RFC 5482 3.1, CHANGEABLE)
        self.soft_error = ""
        """What ICMP last said of the way to the peer (RFC 9293 3.9.2.2 SHLD-25); nothing ends by it."""
        self.stalled_since = 0  # since when something waits for an acknowledgment that does not come
        self.last_heard = now
        self.last_sent = now
        self.challenge_since = 0
        self.challenge_acks = 0

    # ---- the user's calls

    @property
    def state(self) -> State:
        """RFC 9293 3.3.2."""
        return self.tcb.state

    def send(self, data: bytes | bytearray | memoryview, now: int) -> int:
        """Queue `data`; the number of bytes taken. When fewer, `Writable` follows (RFC 9293 3.10.2).

        LocalError after shutdown, close or the end of the connection.
        """
        if self.fin_wanted or self.tcb.state not in SENDING:
            raise LocalError(f"cannot send: the connection is {self._why_not_sending()}")
        fits: bytes | bytearray | memoryview = data
        if self.tcp.memory.is_short:
            fits = memoryview(data)[: max(GUARANTEED_BYTES - len(self.send_buffer), 0)]
        taken = self.send_buffer.append(fits)
        self.account()
        self.writable_wanted = taken < len(data)
        self.tcp.mark_dirty(self)
        return taken

    def consume(self, size: int, now: int) -> None:
        """The user has read `size` bytes that were delivered: the receive window opens by them.

        Nothing happens after close(). LocalError when fewer bytes are unread.
        """
        if self.orphaned:
            return
        if not 0 <= size <= self.unread_bytes:
            raise LocalError(f"cannot consume {size} bytes: {self.unread_bytes} are unread")
        self.unread_bytes -= size
        self.account()
        if not self.tcp.memory.is_short:
            self.receive_window.on_consumed(size, self.rtt.srtt, self.tcb.rmss, now)
        if output.has_window_update(self):
            self.ack_now = True
            self.tcp.mark_dirty(self)

    def shutdown(self, now: int) -> None:
        """Send a FIN after the buffered data; the peer may go on sending (RFC 9293 3.10.4). Idempotent."""
        if self.fin_wanted or self.tcb.state not in SENDING:
            return
        if self.tcb.state is State.SYN_SENT:
            self.end()  # RFC 9293 3.10.4, SYN-SENT: delete the TCB
            return
        self.fin_wanted = True
        self.writable_wanted = False
        self.tcp.mark_dirty(self)

    def close(self, now: int) -> None:
        """Shut down, and care no more: what still arrives is discarded, a silent peer is given up on."""
        self.shutdown(now)
        if self.orphaned or self.tcb.state is State.CLOSED:
            return
        self.orphaned = True
        self.tcp.on_orphaned(self)
        self.unread_bytes = 0
        self.stalled_since = now
        if output.has_window_update(self):
            self.ack_now = True  # else a peer that has more to say would wait for its persist timer
            self.tcp.mark_dirty(self)
        if self.tcb.state is State.FIN_WAIT_2:
            self.arm(Timer.TIME_WAIT, now + self.config.fin_wait_2)

    def abort(self, now: int) -> None:
        """Drop everything and send a RST (RFC 9293 3.10.5). Idempotent."""
        if self.tcb.state is State.CLOSED:
            return
        if self.tcb.state not in (State.SYN_SENT, State.TIME_WAIT):
            output.send_reset(self)
        self.end()

    def set_keepalive(self, on: bool, now: int) -> None:
        """Probe a silent peer, or do so no more (RFC 9293 3.8.4 MUST-24)."""
        self.keepalive = on
        self.keepalives_sent = 0
        if not on:
            self.timers.cancel(Timer.KEEPALIVE)
        elif self.tcb.state not in OPENING and self.tcb.state not in (State.TIME_WAIT, State.CLOSED):
            self.arm(Timer.KEEPALIVE, max(self.last_heard + self.config.keepalive_idle, now))

    def set_user_timeout(self, duration: int) -> None:
        """R2 of this connection: so many microseconds without an answer end it (RFC 9293 3.8.3 MUST-21)."""
        self.user_timeout = duration
        self.user_timeout_is_set = True

    def trouble(self, now: int) -> str:
        """What keeps data from the peer, beyond R1 and before R2 (RFC 9293 3.8.3 SHLD-9); or nothing."""
        if self.rtt.backoff < _R1:
            return ""
        if self.timers.is_armed(Timer.PERSIST):
            return f"the peer's window is {self.tcb.snd_wnd} bytes"
        if not self.timers.is_armed(Timer.RETRANSMIT) or now - self.stalled_since < self.rtt.rto:
            return ""  # it has answered since; the timeout stays doubled until a sample says better
        said = f" (ICMP: {self.soft_error})" if self.soft_error else ""
        return f"no answer for {(now - self.stalled_since) // 1_000_000} s{said}"

    # ---- what the other files of this package use

    @property
    def snd_wnd_left(self) -> int:
        """Bytes that the peer's window still allows beyond SND.NXT; negative after it shrank."""
        return self.flight.una + self.tcb.snd_wnd - self.flight.nxt

    @property
    def received_bytes(self) -> int:
        """Bytes that have arrived and are held: delivered and not consumed, or early."""
        return 0 if self.tcb.state is State.CLOSED else self.unread_bytes + self.reassembly.buffered_bytes

    @property
    def unsent_bytes(self) -> int:
        """Bytes in the send buffer that have never been sent."""
        sent = self.flight.nxt if self.fin_position is None else self.fin_position
        return self.send_buffer.end - sent

    @property
    def is_fin_acknowledged(self) -> bool:
        """Whether the peer has acknowledged our FIN."""
        return self.fin_position is not None and self.flight.una > self.fin_position

    def seq_at(self, position: int) -> int:
        """The sequence number of a position in our stream."""
        return add(self.tcb.iss, position + 1)

    def ts_value(self, now: int) -> int:
        """Our timestamp clock: one tick a millisecond (RFC 7323 5.4)."""
        return (now // 1_000 + self.tcb.ts_offset) & 0xFFFFFFFF

    def arm(self, timer: Timer, deadline: int) -> None:
        """Set a timer, and tell the stack's queue."""
        self.timers.arm(timer, deadline)
        self.tcp.timer_queue.update(self)

    def account(self) -> None:
        """Tell the stack's memory what this connection holds now."""
        held = self.received_bytes + len(self.send_buffer)
        if held != self.held_bytes:
            self.tcp.memory.move(held - self.held_bytes)
            self.held_bytes = held

    def report(self, event: Event) -> None:
        """Queue an event, unless nobody listens."""
        if not self.orphaned:
            self.tcp.events.append(event)

    def report_writable(self) -> None:
        """RFC 9293 3.9.1: room has returned after `send` took less than it was given."""
        if self.writable_wanted and self.send_buffer.free_bytes * 4 >= self.send_buffer.capacity_bytes:
            self.writable_wanted = False
            self.report(Writable(self))

    def report_closed(self) -> None:
        """The last event, once; also after close(), so that an owner can wait for the end."""
        if not self.closed_reported:
            self.closed_reported = True
            if self.listener is None or self.tcb.state not in OPENING:
                self.tcp.events.append(Closed(self))

    def fail(self, error: RemoteError, now: int) -> None:
        """The connection ends for a reason that came from outside."""
        if (
            self.listener is None or self.tcb.state not in OPENING
        ):  # never accepted: its owner does not know it
            self.report(Reset(self, error))
        self.end()

    def end(self) -> None:
        """Enter CLOSED: free everything, leave the stack's tables."""
        self.report_closed()
        enter(self.tcb, State.CLOSED)
        self.release_buffers()
        self.timers.cancel_all()
        self.tcp.forget(self)

    def release_buffers(self) -> None:
        """TIME-WAIT and CLOSED hold no data."""
        self.send_buffer.clear()
        self.flight.clear()
        self.reassembly.clear()

    def _why_not_sending(self) -> str:
        return "shut down" if self.fin_wanted else self.tcb.state.value
